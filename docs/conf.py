"""Sphinx's settings: ``sphinx-build -W docs build``."""

import os
import sys

sys.path.insert(0, os.path.abspath(".."))

import vgenre

project = "vgenre"
author = "the vgenre authors"
version = release = vgenre.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
# The tables are parts of a page.
exclude_patterns = [
    "build",
    "comparison.md",
    "posters.md",
    "learning_curve.md",
    "taught_figures.md",
    "taught_dialogue_figures.md",
]
html_theme = "furo"
html_title = f"vgenre {version}"
autosummary_generate = True
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
nitpicky = False
myst_heading_anchors = 3
# A type such as `path` in a docstring is a word, and the name of several attributes too.
suppress_warnings = ["myst.xref_missing", "ref.python"]
