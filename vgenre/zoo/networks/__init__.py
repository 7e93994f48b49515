"""The networks of the literature, a file a family. Needs ``[train]``."""
