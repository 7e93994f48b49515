"""Learning genres from what is said in films. Needs ``[train]``: scikit-learn and SciPy."""

from .learn import LearntDialogue, learn_dialogue

__all__ = ["LearntDialogue", "learn_dialogue"]
