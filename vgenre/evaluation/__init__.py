"""How good a model is, in figures and on a page. Needs ``[train]``."""
