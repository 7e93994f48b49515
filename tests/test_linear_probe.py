"""The linear probe beside the LSTM."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from vgenre.labels import MULTI, SINGLE
from vgenre.models.card import Architecture, ModelCard
from vgenre.models.visual import build_visual_stream
from vgenre.training.probe import STRENGTH, fit_probe

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def blobs() -> tuple[np.ndarray, np.ndarray]:
    """60 points of three kinds in 8 dimensions, of other scales."""
    kinds = np.arange(60) % 3
    centres = RNG.normal(size=(3, 8)) * 2
    return ((centres[kinds] + RNG.normal(size=(60, 8))) * np.arange(1, 9) + 5).astype("f4"), kinds


def test_it_is_a_logistic_regression_on_standardised_features(blobs) -> None:  # type: ignore[no-untyped-def]
    x, kinds = blobs
    weights = RNG.uniform(0.5, 1.5, 60)
    kernel, bias = fit_probe(x, np.eye(3)[kinds], weights, SINGLE)
    scaler = StandardScaler().fit(x)
    expected = LogisticRegression(C=STRENGTH).fit(scaler.transform(x), kinds, weights)
    said = x @ kernel + bias
    found = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected.predict_proba(scaler.transform(x)), atol=2e-3)
    assert (said.argmax(axis=1) == kinds).mean() > 0.95


def test_a_clip_without_a_label_is_left_out(blobs) -> None:  # type: ignore[no-untyped-def]
    x, kinds = blobs
    targets = np.eye(3)[kinds]
    targets[::4] = 0
    kept = np.flatnonzero(targets.any(axis=1))
    strange = x.copy()
    strange[::4] = x[1]
    first = fit_probe(x[kept], targets[kept], np.ones(len(kept)), SINGLE)
    # It plays a part in the scaling alone.
    second = fit_probe(x, targets, np.ones(60), SINGLE)
    right = [(x @ k + b).argmax(axis=1) == kinds for k, b in (first, second)]
    assert min(r.mean() for r in right) > 0.9


def test_two_labels_and_one(blobs) -> None:  # type: ignore[no-untyped-def]
    x, kinds = blobs
    two = np.flatnonzero(kinds < 2)
    kernel, bias = fit_probe(x[two], np.eye(3)[kinds[two]], np.ones(len(two)), SINGLE)
    assert ((x[two] @ kernel + bias)[:, :2].argmax(axis=1) == kinds[two]).mean() > 0.9
    assert not kernel[:, 2].any() and bias[2] == 0, "nothing is known of the third"
    one = np.flatnonzero(kinds == 0)
    kernel, bias = fit_probe(x[one], np.eye(3)[kinds[one]], np.ones(len(one)), SINGLE)
    assert not kernel.any() and not bias.any()


def test_each_label_by_itself_from_what_is_known_of_it(blobs) -> None:  # type: ignore[no-untyped-def]
    x, kinds = blobs
    targets = np.eye(3, dtype="f4")[kinds]
    targets[:30, 0] = -1
    targets[:, 2] = -1
    kernel, bias = fit_probe(x, targets, np.ones(60), MULTI)
    said = x @ kernel + bias
    assert roc_auc_score(kinds == 0, said[:, 0]) > 0.95
    assert not said[:, 2].any()


def test_the_stream_is_the_sum_of_its_lstm_and_the_probe() -> None:
    keras.utils.set_random_seed(0)
    stream = build_visual_stream(3, features=8, units=4, embedding=4)
    assert "probe" not in {w.path.split("/")[0] for w in stream.trainable_weights}
    features = RNG.normal(size=(2, 40, 8)).astype("f4")
    mask = np.zeros((2, 40), "f4")
    mask[0, :10], mask[1, :1] = 1, 1
    before = stream([features, mask])["logits"].numpy()
    kernel, bias = RNG.normal(size=(8, 3)).astype("f4"), np.float32([1, 2, 3])
    stream.get_layer("probe").set_weights([kernel, bias])
    mean = np.stack([features[0, :10].mean(axis=0), features[1, 0]])
    after = stream([features, mask])["logits"].numpy()
    np.testing.assert_allclose(after, before + mean @ kernel + bias, rtol=1e-4, atol=1e-4)


def test_a_card_from_before_it_has_none(tmp_path: Path) -> None:
    from toys import toy_model

    toy_model(tmp_path)
    assert ModelCard.read(tmp_path).architecture.probe
    card = (tmp_path / "card.json").read_text().replace('    "probe": true,\n', "")
    (tmp_path / "card.json").write_text(card)
    assert not ModelCard.read(tmp_path).architecture.probe
    assert Architecture().probe
