"""The extras of the installation, for commands that find theirs missing."""

from __future__ import annotations

EXTRAS = {
    "train": (
        "vgenre train, evaluate; TensorFlow",
        ("tensorflow", "keras", "sklearn", "scipy", "tensorboard"),
    ),
    "plots": ("plots, vgenre extract", ("matplotlib", "soundfile")),
    "serve": ("vgenre serve", ("flask", "werkzeug")),
    "ray": ("vgenre label --ray", ("ray",)),
    "remote": ("films behind URLs", ("fsspec",)),
    "quantise": ("fast graphs of fine-tuned models", ("nncf",)),
    "notebooks": ("the notebooks", ("ipykernel", "jupyterlab")),
}
"""Each extra of setup.cfg: what it is for, and what is imported of it."""


def extra_of(library: str) -> str | None:
    """The extra that brings a library, by the name that is imported; None for any other."""
    return next((extra for extra, (_, imports) in EXTRAS.items() if library in imports), None)
