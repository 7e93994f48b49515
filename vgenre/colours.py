"""One colour a genre, the same everywhere, and told apart by the colour-blind."""

from __future__ import annotations

# Okabe and Ito, *Color Universal Design*, 2008, and mixtures of them for rarer genres.
_FIXED = {
    "Action": "#D55E00",
    "Animation": "#009E73",
    "Horror": "#5B2A86",
    "Romance": "#CC79A7",
    "Sports": "#0072B2",
    "Sport": "#0072B2",
    "Science Fiction": "#56B4E9",
    "Sci-Fi": "#56B4E9",
    "Comedy": "#E69F00",
    "Drama": "#7F7F7F",
    "Documentary": "#8C6D31",
    "Thriller": "#843C39",
}
_OTHERS = ("#117733", "#999933", "#882255", "#44AA99", "#332288", "#AA4499", "#DDCC77", "#6699CC")


def genre_colour(name: str) -> str:
    """The colour of a genre, as ``#rrggbb``.

    Examples
    --------
    >>> genre_colour("Horror")
    '#5B2A86'
    """
    # Not Python's hash: that is another one in each process.
    return _FIXED.get(name) or _OTHERS[sum(name.encode()) % len(_OTHERS)]
