"""HTML pages from the templates of the package."""

from __future__ import annotations

from typing import Any

import jinja2


def render(template: str, **values: Any) -> str:
    """A page; all that is put into it is escaped, and nothing may be missing.

    Parameters
    ----------
    template : str
        A file of ``templates/``.
    **values
        What the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vgenre.output"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(**values)
