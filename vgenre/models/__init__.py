"""A model: its card, files and networks. Needs the core install, for networks ``[train]``."""
