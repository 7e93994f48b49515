"""From a data set to a model. Needs ``[train]``."""
