"""The systems of the literature, by name: ``build("cnn", labels=101)``. Needs ``[train]``."""

from .registry import REGISTRY, about, build, flops, resolve

__all__ = ["REGISTRY", "about", "build", "flops", "resolve"]
