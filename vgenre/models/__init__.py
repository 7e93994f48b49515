"""The networks, and a model as a directory of card and weights."""
