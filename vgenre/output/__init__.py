"""Where records go: CSV, JSON, HTML, NFO, folders of links. Needs the core install."""
