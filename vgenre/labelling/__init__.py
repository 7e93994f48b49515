"""One film in, its record out. Needs the core install."""
