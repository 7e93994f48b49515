"""Fit the space in which films are compared, and measure what is taught and found in it.

    python pipelines/teach_genres.py DATA --work DIR [--models vgenre/weights]

Genres that `six` does not know are taught from 3, 5, 10 and 20 films and looked for among films of
another fold; the space has seen neither those films nor the genre. Likewise films like one are
looked for: a film that shares a genre is right. Writes the tables, and with --models the space
(embedding.safetensors) of `six`, fitted on all films, with what was measured in it; `multi`, which
shares the body of `six`, is given the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import clip_items, data_folder, folds_of, parser_of, write_table
from stages import Recipe, initial_weights, read_clips

from vgenre.labels import MULTI, LabelSet

if TYPE_CHECKING:
    from vgenre.models.embedding import EmbeddingSpace
    from vgenre.models.maps import Expected
    from vgenre.training.embedding import Axes

KNOWN = {"Action", "Animation", "Horror", "Romance", "Sport", "Sci-Fi"}
"""What `six` knows, by IMDb's names."""

COUNTS = (3, 5, 10, 20)
WEIGHTS = {"visual": 1.0, "audio": 0.5, "dialogue": 1.0}
"""How much the streams count: those of picture and sound were chosen on the training films beside
the options of the space; that of the dialogue is the picture's, as few films have both."""

SYSTEMS = {
    "chance": "chance",
    "visual neighbour": "nearest neighbour, picture",
    "audio neighbour": "nearest neighbour, sound",
    "neighbour": "nearest neighbour, both",
    "visual": "taught, picture",
    "audio": "taught, sound",
    "taught": "**taught, both**",
}
_REPEATS = 5
_FIRST = 10


@dataclass(frozen=True)
class Films:
    """Films as the streams read them.

    Parameters
    ----------
    readings : dict of str to ndarray, shape (n_films, width)
        NaN for a film without the stream.
    genres : list of tuple of str
    folds : ndarray of int, shape (n_films,)
    """

    readings: dict[str, np.ndarray]
    genres: list[tuple[str, ...]]
    folds: np.ndarray
    _axes: dict[bytes, dict[str, Axes]] = field(default_factory=dict, repr=False)

    def space(self, rows: np.ndarray, without: str = "") -> EmbeddingSpace:
        """A space fitted on some of the films, told of all genres but one."""
        from vgenre.training.embedding import axes_of, space_along

        if (key := rows.tobytes()) not in self._axes:
            self._axes[key] = axes_of({s: values[rows] for s, values in self.readings.items()})
        labels = [[g for g in self.genres[row] if g != without] for row in rows]
        return space_along(self._axes[key], labels, weights=WEIGHTS)

    def embeddings(self, space: EmbeddingSpace) -> np.ndarray:
        """Vectors of all films: float16, shape (n_films, size)."""
        found = np.full((len(self.genres), space.size), np.nan, np.float16)
        for stream, known in space.maps.items():
            there = ~np.isnan(self.readings[stream]).any(axis=1)
            found[there, space.parts[stream]] = known.of(self.readings[stream][there])
        return found

    def are(self, genre: str) -> np.ndarray:
        """Which of the films are of a genre: bool, shape (n_films,)."""
        return np.array([genre in names for names in self.genres])


def films_of(data: Path, work: Path, recipe: Recipe) -> Films:
    """The films of the clips, each the mean of its clips by their length."""
    from vgenre.evaluation.films import film_means
    from vgenre.training.readings import DEVIATION, EAR

    items, initial = clip_items(data, labels="genres"), initial_weights(data, recipe)
    names = tuple(sorted({name for item in items for name in item.labels}))
    read, _ = read_clips(items, LabelSet(names, MULTI), work, recipe, initial, genres=False)
    films = list(dict.fromkeys(read.films))
    found = {}
    for stream, values in (
        ("visual", read.sources["visual"][DEVIATION]),
        ("audio", read.sources["audio"][EAR]),
    ):
        there = np.flatnonzero(read.there[stream])
        means = film_means(values[there], list(read.films[there]), read.seconds[there])
        found[stream] = np.full((len(films), values.shape[1]), np.nan, np.float32)
        rows = [films.index(film) for film in dict.fromkeys(read.films[there])]
        found[stream][rows] = means
    genres: dict[str, set[str]] = {film: set() for film in films}
    folds = dict(zip((item.film for item in items), folds_of(data), strict=True))
    for item in items:
        if item.film in genres:
            genres[item.film].update(item.labels)
    return Films(
        found,
        [tuple(sorted(genres[film])) for film in films],
        np.array([folds[film] for film in films]),
    )


# --- teaching -------------------------------------------------------------------------------


def taught_figures(
    films: Films,
    *,
    known: Collection[str] = KNOWN,
    fewest: int = 3,
    counts: Sequence[int] = COUNTS,
    repeats: int = _REPEATS,
    folds: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """One entry for each time that a genre was taught: what came of it by each system.

    Parameters
    ----------
    films : Films
    known : collection of str
        Genres that are not taught.
    fewest : int
        Films of a genre in a fold, for it to be measured there.
    counts : sequence of int
        From how many films.
    repeats : int
        How often, from other films.
    folds : sequence of int, optional
        That are looked at; all unless given.
    """
    from vgenre.errors import DataError
    from vgenre.taught.genre import Example, teach

    found = []
    unknown = sorted({g for names in films.genres for g in names} - set(known))
    for fold in np.unique(films.folds) if folds is None else folds:
        pool, tested = np.flatnonzero(films.folds != fold), np.flatnonzero(films.folds == fold)
        for name in unknown:
            is_it = films.are(name)
            of_it = pool[is_it[pool]]
            if not fewest <= is_it[tested].sum() < len(tested) or len(of_it) < min(counts):
                continue
            space = films.space(pool, without=name)
            vectors = films.embeddings(space)
            for count in (count for count in counts if count <= len(of_it)):
                for repeat in range(repeats):
                    rng = np.random.default_rng([fold, count, repeat, len(found)])
                    chosen = rng.choice(of_it, count, replace=False)
                    examples = [Example(str(row), vectors[row]) for row in chosen]
                    try:
                        genre = teach(name, examples, space)
                    except DataError:  # of three films two are one under two names
                        continue
                    entry = _entry(genre, space, vectors, chosen, tested, is_it[tested])
                    found.append({"genre": name, "films": count, **entry})
        logging.info("fold %d: %d genres taught so far", fold, len(found))
    return found


def _entry(
    genre: Any,
    space: EmbeddingSpace,
    vectors: np.ndarray,
    chosen: np.ndarray,
    tested: np.ndarray,
    truth: np.ndarray,
) -> dict[str, Any]:
    from vgenre.taught.taxonomy import THRESHOLD

    by_stream = genre.scores_by_stream(vectors[tested], space)
    near = [space.by_stream(vectors[row].astype(np.float32), vectors[tested]) for row in chosen]
    cosines = np.stack(near)
    scores = {
        "taught": genre.scores(vectors[tested], space),
        "neighbour": np.max([np.nan_to_num(space.joined(c), nan=-1) for c in cosines], axis=0),
    }
    for i, stream in enumerate(space.maps):
        scores[stream] = by_stream[:, i]
        scores[f"{stream} neighbour"] = np.nan_to_num(cosines[:, :, i], nan=-1).max(axis=0)
    likely = genre.probabilities(vectors[tested], space)
    return {
        "separation": genre.separation,
        "share": float(truth.mean()),
        "tested": len(truth),
        "labelled": int((likely >= THRESHOLD).sum()),
        "labelled_right": int((truth & (likely >= THRESHOLD)).sum()),
        **{system: ranked(truth, values) for system, values in scores.items()},
        "chance": [float(truth.mean()), float(truth.mean())],
    }


def ranked(truth: np.ndarray, scores: np.ndarray) -> list[float]:
    """Average precision, and precision of the first ten; what has no score comes last."""
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    right = truth[order]
    at = right.cumsum() / np.arange(1, len(right) + 1)
    return [float((right * at).sum() / right.sum()), float(right[:_FIRST].mean())]


def expected_of(entries: Sequence[dict[str, Any]]) -> Expected:
    """How many of the first ten are right: a logistic regression over what was measured."""
    from vgenre.models.maps import Expected

    rows = np.array([_terms(entry) for entry in entries])
    right = np.array([entry["taught"][1] for entry in entries])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):  # Newton's method; a little ridge, as a toy may be right in all
        p = 1 / (1 + np.exp(-rows @ weights))
        curve = (rows * (p * (1 - p))[:, None]).T @ rows + 1e-3 * np.eye(rows.shape[1])
        step = np.linalg.solve(curve, rows.T @ (right - p) - 1e-3 * weights)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    counts = [entry["films"] for entry in entries]
    base, films, separation, share = weights.tolist()
    return Expected(base, films, separation, share, (float(min(counts)), float(max(counts))))


def _terms(entry: dict[str, Any]) -> list[float]:
    odds = np.log(entry["share"] / (1 - entry["share"]))
    return [1.0, float(np.log(entry["films"])), entry["separation"], float(odds)]


def missed_by(entries: Sequence[dict[str, Any]]) -> float:
    """How far what is expected is from what is found: the mean over genres that it did not see."""
    missed = []
    for name in sorted({entry["genre"] for entry in entries}):
        others = [entry for entry in entries if entry["genre"] != name]
        if others:
            known = expected_of(others)
            missed += [
                abs(known.at(e["films"], e["separation"], e["share"]) - e["taught"][1])
                for e in entries
                if e["genre"] == name
            ]
    return float(np.mean(missed)) if missed else float("nan")


# --- films like one -------------------------------------------------------------------------


def similar_figures(
    films: Films, first: int = 5, folds: Sequence[int] | None = None
) -> dict[str, float]:
    """Of the five films of a fold most like each film of it, how many share a genre with it."""
    share = np.array([[bool(set(a) & set(b)) for b in films.genres] for a in films.genres])
    right: dict[str, list[float]] = {}
    for fold in np.unique(films.folds) if folds is None else folds:
        pool, tested = np.flatnonzero(films.folds != fold), np.flatnonzero(films.folds == fold)
        if len(tested) <= first:
            continue
        space = films.space(pool)
        vectors = films.embeddings(space)[tested].astype(np.float32)
        for i, row in enumerate(tested):
            others = np.delete(np.arange(len(tested)), i)
            truth = share[row, tested[others]]
            cosines = space.by_stream(vectors[i], vectors[others])
            ways = {"both": space.joined(cosines)}
            ways |= {stream: cosines[:, j] for j, stream in enumerate(space.maps)}
            for way, alike in ways.items():
                order = np.argsort(-np.nan_to_num(alike, nan=-np.inf), kind="stable")[:first]
                right.setdefault(way, []).append(float(truth[order].mean()))
            right.setdefault("chance", []).append(float(truth.mean()))
    return {way: float(np.mean(values)) for way, values in right.items()}


# --- tables ---------------------------------------------------------------------------------


def tables_of(
    entries: list[dict[str, Any]],
    similar: dict[str, float],
    missed: float,
    *,
    systems: dict[str, str] = SYSTEMS,
    by: str = "picture and sound",
) -> str:
    """What was measured, in Markdown."""
    counts = sorted({entry["films"] for entry in entries})
    names = sorted({entry["genre"] for entry in entries})
    genres_at = {n: len({e["genre"] for e in entries if e["films"] == n}) for n in counts}
    heads = [f"{n} films ({genres_at[n]} genres)" for n in counts]
    lines = ["Average precision and, behind it, precision of the first ten:", ""]
    lines += [f"| | {' | '.join(heads)} |", "|---" * (1 + len(counts)) + "|"]
    for system, called in systems.items():
        cells = [_mean(entries, system, films=n) for n in counts]
        lines.append(f"| {called} | {' | '.join(cells)} |")
    lines += ["", f"The same by genre, taught from {by}, and what chance gives:", ""]
    lines += [f"| genre | chance | {' | '.join(heads)} |", "|---" * (2 + len(counts)) + "|"]
    for name in names:
        cells = [_mean(entries, "taught", films=n, genre=name) for n in counts]
        share = _mean(entries, "chance", genre=name).split()[0]
        lines.append(f"| {name} | {share} | {' | '.join(cells)} |")
    labelled = sum(entry["labelled"] for entry in entries)
    right = sum(entry["labelled_right"] for entry in entries)
    if labelled:
        of_it = sum(entry["share"] * entry["tested"] for entry in entries)
        lines += [
            "",
            f"Of the films that got a taught label {right / labelled:.0%} are of it; "
            f"{right / of_it:.0%} of those that are of it got it.",
        ]
    lines += ["", f"The number of right ones that is foretold misses by {10 * missed:.1f} of ten."]
    if similar:
        lines += ["", "| films like one | of the first five share a genre |", "|---|---|"]
        called = {"chance": "chance", "audio": "sound", "visual": "picture"}
        called |= {"dialogue": "**dialogue**"} if "dialogue" in similar else {"both": "**both**"}
        lines += [f"| {called[way]} | {similar[way]:.3f} |" for way in called if way in similar]
    return "\n".join(lines) + "\n"


def _mean(entries: list[dict[str, Any]], system: str, **only: Any) -> str:
    """Mean figures of a system: over the times a genre was taught, then over genres."""
    by_genre: dict[str, list[list[float]]] = {}
    for entry in entries:
        if all(entry[key] == value for key, value in only.items()):
            by_genre.setdefault(entry["genre"], []).append(entry[system])
    if not by_genre:
        return ""
    ap, first = np.mean([np.mean(values, axis=0) for values in by_genre.values()], axis=0)
    return f"{ap:.3f} {first:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--models", type=Path, help="the models that are given the space")
    args = parser.parse_args(arguments)
    data, recipe = data_folder(args.data), Recipe.of(args.toy)

    from vgenre.models.spaces import add_space
    from vgenre.models.store import CARD_FILE

    args.work.mkdir(parents=True, exist_ok=True)
    films = films_of(data, args.work, recipe)
    how: dict[str, Any] = {"known": (), "fewest": 1} if args.toy else {}
    entries = taught_figures(films, **how)
    similar = similar_figures(films)
    (args.work / "taught.json").write_text(json.dumps({"taught": entries, "similar": similar}))
    write_table(tables_of(entries, similar, missed_by(entries)), args.table)
    if args.models:
        everything = np.arange(len(films.genres))
        space = replace(films.space(everything), expected=expected_of(entries) if entries else None)
        add_space(args.models / "six", space)
        if (args.models / "multi" / CARD_FILE).is_file():
            add_space(args.models / "multi", None)


if __name__ == "__main__":
    main()
