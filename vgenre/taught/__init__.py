"""Genres of a user's own, taught from a few films; films like one. Needs the core install."""
