"""The dialogue of the films that a model learns from, where enough of them have subtitles."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...data.items import Item
from ...dialogue.types import Cue, count_words
from ...errors import DataError, MediaError
from ...evaluation.films import Films
from ...evaluation.intervals import sureness
from ...evaluation.measures import measure, rounded
from ...labelling.dialogue import subtitles_of
from ...media.probing import probe
from ...media.remote import fetched
from ...models.card import ModelCard
from ...models.dialogue import DialogueHead
from ..fusing import fused
from ..readings import FilmOpinions
from .fusion import DIALOGUE, Spoken, fuse_dialogue
from .learn import learn_dialogue

log = logging.getLogger(__name__)

LEAST_FILMS = 30
"""Films with dialogue, below which nothing is learnt of it."""

_LEAST_WORDS = 50  # that make a film one with dialogue


def with_own_dialogue(
    card: ModelCard, items: Sequence[Item], inner: FilmOpinions, seed: int
) -> tuple[ModelCard, DialogueHead | None]:
    """A card of a model that hears the dialogue too, where enough films have subtitles.

    Parameters
    ----------
    card : ModelCard
        Of picture and sound.
    items : sequence of Item
        Files; those of the test split do not teach, they measure.
    inner : FilmOpinions
        The films by picture and sound that did not learn from them.
    seed : int
        Of the folds.

    Returns
    -------
    card : ModelCard
        As it was, where there are too few, but for the count in its ``data``.
    head : DialogueHead or None
    """
    said = texts_of(items)
    first = {item.film: item for item in reversed(items)}
    taught = [film for film in said if first[film].split != "test"]
    of = len({item.film for item in items if item.split != "test"})
    counts = {**card.data.get("train", {}), "films_with_dialogue": len(taught)}
    data = {**card.data, "train": counts}
    counted = f"{len(taught)} of {of} films have English subtitles"
    if len(taught) < LEAST_FILMS:
        if said:
            log.info("%s: from %d on dialogue is learnt from", counted, LEAST_FILMS)
        return replace(card, data=data), None
    films = [first[film] for film in taught]
    try:
        learnt = learn_dialogue(
            [[cue.text for cue in said[film]] for film in taught],
            films, card.labels, card.outside, seed=seed,
        )  # fmt: skip
    except DataError as problem:
        log.warning("%s, but %s", counted, problem)
        return replace(card, data=data), None
    log.info("%s: dialogue is learnt from", counted)
    spoken = FilmOpinions.of_items(films, {DIALOGUE: learnt.held_out}, card.labels)
    together = _together(inner, spoken)
    joined = fuse_dialogue(card.fusions, spoken, together, card.labels.mode)
    tests = [film for film in said if first[film].split == "test" and first[film].is_sure]
    figures = _figures(card, joined, spoken, learnt.head, {f: said[f] for f in tests}, first)
    metrics = {
        **card.metrics,
        DIALOGUE: {**joined.told(), "procedure": rounded(learnt.tried), "alone": figures},
    }
    return (
        replace(
            card,
            architecture=replace(card.architecture, dialogue=True),
            fusions=joined.fusions,
            data=data,
            metrics=metrics,
        ),
        learnt.head,
    )


def texts_of(items: Sequence[Item]) -> dict[str, list[Cue]]:
    """What is said in the films that have English subtitles, by film.

    Those of the files of a film are put together; a file that cannot be read has none.
    """
    found: dict[str, list[Cue]] = {}
    for item in items:
        try:
            with fetched(item.path) as path:
                subtitles = subtitles_of(probe(path))
        except (MediaError, OSError):
            continue
        if subtitles:
            found.setdefault(item.film, []).extend(cue for cue in subtitles.cues if cue.text)
    enough = lambda cues: sum(count_words(cue.text) for cue in cues) >= _LEAST_WORDS  # noqa: E731
    return {film: cues for film, cues in found.items() if enough(cues)}


def _together(inner: FilmOpinions, spoken: FilmOpinions) -> FilmOpinions:
    """The films that are seen or heard, and spoken in."""
    rows = [i for i, name in enumerate(inner.names) if name in spoken.names]
    some = inner.take(np.array(rows, int))
    order = [spoken.names.index(name) for name in some.names]
    said = spoken.opinions[DIALOGUE][order]
    return replace(some, opinions={**some.opinions, DIALOGUE: said})


def _figures(
    card: ModelCard,
    joined: Spoken,
    spoken: FilmOpinions,
    head: DialogueHead,
    tests: dict[str, list[Cue]],
    first: dict[str, Item],
) -> dict[str, Any]:
    """How the dialogue alone does: on the test films, or where there are none on held-out ones."""
    if tests:
        nothing = np.full(head.outcomes, np.nan)
        said = [head.opinion(cues) for cues in tests.values()]
        logits = np.stack([nothing if one is None else one for one in said])
        films = [first[film] for film in tests]
        spoken = FilmOpinions.of_items(films, {DIALOGUE: logits}, card.labels)
    some = spoken.having((DIALOGUE,))
    some = some.take(np.flatnonzero(some.sure))
    if not len(some.names):
        return {}
    p = fused(some, joined.fusions, card.labels.mode)
    films_ = Films(some.names, p, some.truth, some.primary).labelled()
    if not films_.names:
        return {}
    found = measure(films_, card.labels) | sureness(films_, card.labels)
    return rounded(found)
