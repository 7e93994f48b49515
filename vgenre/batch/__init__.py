"""Many films: the run, its journal, worker processes. Needs the core install; Ray ``[ray]``."""
