"""Dialogue fused with picture and sound, on films of which it is known who knows what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted import films_of

from vgenre.labels import MULTI, SINGLE
from vgenre.models.fusion import Fusion
from vgenre.training.dialogue.fusion import ENOUGH, USUAL, fuse_dialogue
from vgenre.training.fusing import film_loss, fit_fusions, fused
from vgenre.training.readings import FilmOpinions

pytestmark = pytest.mark.quick

CASES = (("visual", "audio"), ("visual",), ("audio",))


def films(n: int, mode: str, seed: int, *, echo: float = 0.0) -> FilmOpinions:
    """All three streams know something; the dialogue may say again what the picture says."""
    rng = np.random.default_rng(seed)
    truth = np.eye(3)[rng.integers(3, size=n)]
    if mode == MULTI:
        truth = (rng.random((n, 3)) < 0.4).astype(float)
    noise = rng.normal(size=(n, 3))
    own = rng.normal(size=(n, 3))
    return films_of(
        {
            "visual": 2 * truth + noise,
            "audio": truth + rng.normal(size=(n, 3)),
            "dialogue": 2 * truth + echo * noise + np.sqrt(1 - echo**2) * own,
        },
        truth,
    )


def only(some: FilmOpinions, *streams: str) -> FilmOpinions:
    return replace(some, opinions={stream: some.opinions[stream] for stream in streams})


@pytest.mark.parametrize("mode", [SINGLE, MULTI])
def test_all_streams_together_know_more_than_some(mode: str) -> None:
    taught, asked = films(300, mode, 0), films(300, mode, 1)
    before = fit_fusions(only(taught, "visual", "audio"), CASES, mode)
    found = fuse_dialogue(before, only(taught, "dialogue"), taught, mode)
    assert found.films == 300
    assert {case for case in found.fusions if "dialogue" in case} == {
        "visual+audio+dialogue",
        "visual+dialogue",
        "audio+dialogue",
        "dialogue",
    }
    losses = {
        streams: film_loss(fused(only(asked, *streams), found.fusions, mode), asked, mode)
        for streams in (("visual", "audio", "dialogue"), ("visual", "audio"), ("dialogue",))
    }
    assert min(losses, key=losses.__getitem__) == ("visual", "audio", "dialogue")
    for case, fusion in before.items():
        assert found.fusions[case] == fusion, "films without dialogue are labelled as before"


def test_what_only_echoes_the_picture_counts_less() -> None:
    weights = []
    for echo in (0.0, 0.95):
        taught = only(films(400, SINGLE, 0, echo=echo), "visual", "dialogue")
        before = fit_fusions(only(taught, "visual"), (("visual",),), SINGLE)
        weights.append(fuse_dialogue(before, only(taught, "dialogue"), taught, SINGLE).weight)
    assert weights[1] < 0.7 * weights[0]


def test_of_few_films_no_weight_is_learnt() -> None:
    taught = films(300, SINGLE, 0)
    few = taught.take(np.arange(ENOUGH - 1))
    before = fit_fusions(only(taught, "visual", "audio"), CASES, SINGLE)
    found = fuse_dialogue(before, only(taught, "dialogue"), few, SINGLE)
    assert (found.weight, found.films) == (USUAL, ENOUGH - 1)
    assert "too few" in str(found.told()["weight_is"])


def test_dialogue_that_says_what_it_always_says_changes_nothing() -> None:
    """A prior is no evidence: it is divided out."""
    taught = films(300, SINGLE, 0)
    rng = np.random.default_rng(5)
    rare = np.log([0.6, 0.3, 0.1]) + 1e-3 * rng.normal(size=(300, 3))
    silent = replace(taught, opinions={**taught.opinions, "dialogue": rare})
    before = {"visual": Fusion({"visual": (1.0,) * 3}, (0.0,) * 3, (0.0,) * 3)}
    both = only(silent, "visual", "dialogue")
    found = fuse_dialogue(before, only(silent, "dialogue"), both, SINGLE)
    p = fused(both, found.fusions, SINGLE)
    np.testing.assert_allclose(p, fused(only(silent, "visual"), before, SINGLE), atol=0.02)


def test_of_a_genre_that_no_film_with_pictures_had_the_dialogue_decides() -> None:
    """Sure as they are that it is not there, the other streams never saw one that has it."""
    spoken = films(300, MULTI, 0)
    untold = np.array([False, False, True])
    truth = np.where(untold, 0, spoken.truth)
    visual = spoken.opinions["visual"].copy()
    visual[:, 2] = -12.0
    seen = replace(only(spoken, "visual"), truth=truth, opinions={"visual": visual})
    before = fit_fusions(seen, (("visual",),), MULTI, untold)
    assert before["visual"].weights["visual"][2] == 0 < before["visual"].weights["visual"][0]
    assert before["visual"].probabilities(seen.opinions, MULTI)[:, 2].max() < 0.01
    asked = replace(spoken, opinions={**spoken.opinions, "visual": visual})
    none = only(asked, "visual", "dialogue").take(np.arange(0))
    found = fuse_dialogue(before, only(spoken, "dialogue"), none, MULTI).fusions
    ours, theirs = (found[case].thresholds for case in ("visual+dialogue", "dialogue"))
    assert ours == (*before["visual"].thresholds[:2], theirs[2])
    p = fused(only(asked, "visual", "dialogue"), found, MULTI)[:, 2]
    has = spoken.truth[:, 2] > 0
    assert p[has].mean() > p[~has].mean() + 0.15
    alone = fused(only(asked, "dialogue"), found, MULTI)[:, 2]
    assert np.corrcoef(np.log(p / (1 - p)), np.log(alone / (1 - alone)))[0, 1] > 0.999
