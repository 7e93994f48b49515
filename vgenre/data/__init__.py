"""Data sets and their features, for training and measuring. Needs ``[train]``."""
