"""What a film's words say of its genres: the head, its file, and how it is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vgenre.data.items import Item
from vgenre.dialogue import Cue
from vgenre.errors import DataError, ModelError
from vgenre.labels import MULTI, LabelSet
from vgenre.models.dialogue import DialogueHead
from vgenre.models.fusion import sigmoid, softmax
from vgenre.models.vocabulary import terms_of

pytestmark = pytest.mark.quick

TWO = LabelSet(("Horror", "Western"))
MANY = LabelSet(("Horror", "Western"), MULTI)


def head(**changes: object) -> DialogueHead:
    rng = np.random.default_rng(0)
    terms = ("blood", "horse", "the horse", "i'm", "café")
    values: dict[str, object] = {
        "terms": terms,
        "idf": np.array([2, 3, 4, 1, 2], np.float32),
        "kernel": rng.normal(size=(5, 3)).astype(np.float32),
        "offset": np.array([0.1, -0.2, 0.3], np.float32),
        "prior": np.array([-1, -2, 0.5], np.float32),
        "lengths": np.array([3, 10, 100], np.float32),
        "trust": np.array([0.2, 0.5, 1.0], np.float32),
    }
    return DialogueHead(**{**values, **changes})  # type: ignore[arg-type]


def cues(*texts: str) -> list[Cue]:
    return [Cue(2.0 * i, 2.0 * i + 1, text) for i, text in enumerate(texts)]


# --- terms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("12:30 ... !?", []),
        ("GO", ["go"]),
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t go", ["don't", "go", "don't go"]),
        ("one\ntwo", ["one", "two", "one two"]),
        ("'tis rock'n'roll'", ["tis", "rock'n'roll", "tis rock'n'roll"]),
        ("a 9 b", ["a", "b", "a b"]),
        ("Ça va", ["ça", "va", "ça va"]),
        ("snake_case", ["snake", "case", "snake case"]),
    ],
)
def test_terms_are_words_and_pairs_of_them(text: str, terms: list[str]) -> None:
    assert terms_of(text) == terms


# --- opinions -------------------------------------------------------------------------------


def test_an_opinion_is_what_the_arrays_say() -> None:
    h = head()
    said = h.opinion(cues("The horse! The horse!", "Blood."))
    counts = np.array([1, 2, 2])
    x = (1 + np.log(counts)) * h.idf[:3]
    x /= np.linalg.norm(x)
    trust = np.interp(np.log1p(5), np.log1p(h.lengths), h.trust)
    expected = h.prior + trust * (x @ h.kernel[:3] + h.offset)
    np.testing.assert_allclose(said, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "texts", [(), ("",), ("Blood!",), ("a b c d e f g h",), ("1 2 3 4 5", "...")]
)
def test_too_little_dialogue_gives_no_opinion(texts: tuple[str, ...]) -> None:
    assert head().opinion(cues(*texts)) is None


def test_effects_and_songs_have_no_say() -> None:
    plain = cues("The horse saw blood.")
    decorated = [*plain, Cue(9, 10, "", effect="blood dripping blood", song="horse " * 20)]
    np.testing.assert_array_equal(head().opinion(plain), head().opinion(decorated))


def test_more_words_are_trusted_more() -> None:
    h = head()
    short, long = "blood so here", "blood " + "well " * 200
    prior = h.prior.astype(float)
    moved = [np.abs(h.opinion(cues(text)) - prior).sum() for text in (short, long)]
    assert moved[0] == pytest.approx(0.2 * moved[1], rel=1e-5)


def test_what_spoke_adds_up_to_the_logits() -> None:
    h = head()
    film = cues("The horse, the horse!", "blood, I'm fine", "Nothing at all.", "café")
    n, adds = h.outcomes, []
    for outcome in range(n):
        spoke = h.spoke(film, outcome, most=100)
        # The strongest alone are told; all of them come with every term's sign turned as well.
        turned = head(kernel=-h.kernel).spoke(film, outcome, most=100)
        adds.append(sum(a for _, a in spoke.terms) - sum(a for _, a in turned.terms))
        by_cue = {cue.text: add for cue, add in spoke.cues}
        by_cue |= {cue.text: -add for cue, add in turned.cues}
        assert sum(by_cue.values()) == pytest.approx(adds[-1], abs=1e-5)
        assert spoke.terms == sorted(spoke.terms, key=lambda item: -item[1])
        assert "Nothing at all." not in by_cue
    trust = np.interp(np.log1p(sum(len(c.text.split()) for c in film)),
                      np.log1p(h.lengths), h.trust)  # fmt: skip
    said = h.opinion(film) - h.prior - trust * h.offset
    np.testing.assert_allclose(adds, said - said.mean(), atol=1e-5)


def test_most_limits_what_is_told() -> None:
    h = head(kernel=np.outer(np.ones(5), [1, 0, 0]).astype(np.float32))
    film = cues("The horse", "blood", "I'm", "café")
    assert len(h.spoke(film, 0, most=2).terms) == len(h.spoke(film, 0, most=2).cues) == 2
    assert h.spoke(cues("nothing"), 0).terms == []


# --- the file -------------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    h, path = head(), tmp_path / "dialogue.safetensors"
    h.write(path)
    back = DialogueHead.read(path)
    assert back.terms == h.terms
    np.testing.assert_allclose(back.kernel, h.kernel, atol=np.abs(h.kernel).max() / 200)
    for name in ("idf", "offset", "prior", "lengths", "trust"):
        np.testing.assert_array_equal(getattr(back, name), getattr(h, name))
    back.write(path)
    again = DialogueHead.read(path)
    np.testing.assert_allclose(again.kernel, back.kernel, rtol=1e-6)


def damage(path: Path, **arrays: np.ndarray | None) -> None:
    kept = {**load_file(path), **arrays}
    save_file({name: array for name, array in kept.items() if array is not None}, path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"idf": None},
        {"more": np.zeros(1, np.float32)},
        {"terms": np.frombuffer(b"blood\nhorse", np.uint8)},
        {"terms": np.frombuffer(b"a\na\nb\nc\nd", np.uint8)},
        {"terms": np.full(9, 255, np.uint8)},
        {"terms": np.zeros(5, np.float32)},
        {"terms": np.zeros((5, 0), np.uint8)},
        {"kernel": np.zeros((5, 4), np.int8)},
        {"kernel": np.zeros((3, 5), np.int8)},
        {"kernel": np.zeros((0, 3), np.int8)},
        {"prior": np.zeros((3, 1), np.float32)},
        {"prior": np.zeros(0, np.float32)},
        {"scale": np.float32([1, np.nan, 1])},
        {"idf": np.full(5, np.inf, np.float16)},
        {"lengths": np.zeros(0, np.float32), "trust": np.zeros(0, np.float32)},
        {"lengths": np.float32([100, 10, 3])},
        {"lengths": np.float32([-5, 10, 300])},
        {"trust": np.float32([0.5])},
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray | None]
) -> None:
    path = tmp_path / "dialogue.safetensors"
    head().write(path)
    damage(path, **arrays)
    with pytest.raises(ModelError, match=r"dialogue\.safetensors: "):
        DialogueHead.read(path)


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_cut_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "dialogue.safetensors"
    head().write(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ModelError, match="cannot be read"):
        DialogueHead.read(path)


def test_a_header_with_absurd_shapes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dialogue.safetensors"
    entry = b'{"kernel":{"dtype":"I8","shape":[4611686018427387904,3],"data_offsets":[0,8]}}'
    path.write_bytes(len(entry).to_bytes(8, "little") + entry + bytes(8))
    with pytest.raises(ModelError, match="cannot be read"):
        DialogueHead.read(path)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.safetensors"):
        DialogueHead.read(tmp_path / "nowhere.safetensors")


# --- learning -------------------------------------------------------------------------------

COMMON = "well you know that was not what he said when they came back to us again".split()
TELLING = {
    "Horror": "blood scream demon knife grave curse haunted cellar".split(),
    "Western": "horse sheriff saddle cattle ranch outlaw whiskey canyon".split(),
    "": "coffee office kitchen school dinner letter garden piano".split(),
}


def film(genre: str, seed: int, *, name: str = "", words: int = 900) -> list[str]:
    """Made-up dialogue: nine common words to one telling one, half of the telling ones others'."""
    rng = np.random.default_rng(seed)
    everything = [word for some in TELLING.values() for word in some]
    texts = []
    for _ in range(words // 10):
        some = list(rng.choice(COMMON, 9))
        own = TELLING[genre] if rng.random() < 0.5 else everything
        some.insert(int(rng.integers(1, 9)), str(rng.choice(own)))
        if name and rng.random() < 0.5:
            some.insert(5, name)
        texts.append(" ".join(some).capitalize().replace(name.lower() or "\0", name) + ".")
    return texts


def films(count: int, **more: object) -> tuple[list[list[str]], list[Item]]:
    genres = ("Horror", "Western", "")
    texts = [film(genres[i % 3], i, **more) for i in range(count)]  # type: ignore[arg-type]
    items = [
        Item(f"{i}.mkv", (genres[i % 3],) if genres[i % 3] else (), f"film {i}")
        for i in range(count)
    ]
    return texts, items


def learn(texts: Sequence[Sequence[str]], items: Sequence[Item], labels: LabelSet, outside: bool):  # type: ignore[no-untyped-def]
    pytest.importorskip("sklearn")
    from vgenre.training.dialogue import learn_dialogue

    folds = [i // 3 % 5 for i in range(len(items))]
    return learn_dialogue(texts, items, labels, outside, folds=folds)


@pytest.mark.parametrize(("labels", "outside"), [(TWO, True), (MANY, False)])
def test_a_few_films_are_enough_to_learn_from(labels: LabelSet, outside: bool) -> None:
    texts, items = films(36)
    learnt = learn(texts, items, labels, outside)
    truth = np.array([[n in i.labels for n in labels.names] for i in items], float)
    if outside:
        truth = np.column_stack([truth, [not i.labels for i in items]])
    said = (sigmoid if labels.mode == MULTI else softmax)(learnt.held_out)
    assert ((said > 0.5) == (truth > 0)).mean() > 0.85
    # Of films that taught nothing, as well.
    new = [film(genre, 1000 + i) for i, genre in enumerate(("Horror", "Western"))]
    for outcome, text in enumerate(new):
        assert learnt.head.opinion(cues(*text)).argmax() == outcome
    assert learnt.tried and all(0 <= entry["figure"] <= 1 for entry in learnt.tried)
    telling = learnt.head.spoke(cues(*new[0]), 0, most=3).terms
    assert {word for term, _ in telling for word in term.split()} & set(TELLING["Horror"])


def test_the_head_says_what_the_learning_measured(tmp_path: Path) -> None:
    texts, items = films(30)
    texts[4] = texts[4][:2]  # some twenty words
    learnt = learn(texts, items, MANY, False)
    assert np.isnan(learnt.held_out[4]).all() and not np.isnan(learnt.held_out[5]).any()
    assert learnt.head.opinion(cues(*texts[4])) is None
    rising = learnt.head.trust
    assert (np.diff(rising) >= 0).all() and (np.diff(learnt.head.lengths) > 0).all()
    assert rising[0] >= 0 and rising[-1] <= 1
    # A film's first words are judged as the cut film is.
    learnt.head.write(tmp_path / "d.safetensors")
    assert DialogueHead.read(tmp_path / "d.safetensors").outcomes == 2
    assert set(learnt.by_words) == {100, 300, 1_000, 3_000}
    np.testing.assert_allclose(learnt.by_words[1_000][5], learnt.held_out[5])


def test_held_out_logits_do_not_know_the_labels_of_their_films() -> None:
    texts, items = films(30)
    before = learn(texts, items, TWO, True)
    changed = [*items[:6], Item("6.mkv", ("Western",), "film 6"), *items[7:]]
    after = learn(texts, changed, TWO, True)
    same_fold = [i for i in range(30) if i // 3 % 5 == 2]  # film 6 is in it
    np.testing.assert_array_equal(before.held_out[same_fold], after.held_out[same_fold])
    others = [i for i in range(30) if i not in same_fold]
    assert not np.array_equal(before.held_out[others], after.held_out[others])


def test_names_are_no_terms() -> None:
    texts, items = films(30, name="Zebulon")
    learnt = learn(texts, items, TWO, True)
    assert not [term for term in learnt.head.terms if "zebulon" in term]
    assert any("blood" in term for term in learnt.head.terms)
    # The same word in small letters is one like others.
    small = [[line.replace("Zebulon", "zebulon") for line in text] for text in texts]
    terms = learn(small, items, TWO, True).head.terms
    assert [term for term in terms if "zebulon" in term]


def test_the_first_person_is_no_name() -> None:
    from vgenre.training.dialogue.corpus import Corpus

    corpus = Corpus.of([["So I think I'm right, Bob."], ["Well I think Bob is right."]], 2)
    named = dict(zip(corpus.terms, corpus.named(np.arange(2)), strict=True))
    assert named == {"i": False, "i think": False, "think": False, "right": False, "bob": True}


def test_counts_are_those_of_terms_of() -> None:
    from collections import Counter

    from vgenre.training.dialogue.corpus import Corpus

    texts, _ = films(3)
    corpus = Corpus.of(texts, 1)
    for row, text in enumerate(texts):
        expected = Counter(term for line in text for term in terms_of(line))
        counts = corpus.counts[[row]].toarray().ravel()
        assert {t: int(c) for t, c in zip(corpus.terms, counts, strict=True) if c} == expected
    begun = corpus.cut(25)[[0]].toarray().ravel()
    single = np.array([" " not in term for term in corpus.terms])
    # Ten words a line: two whole lines and half of a third, where pairs do not cross lines.
    assert (begun[single].sum(), begun[~single].sum()) == (25, 22)


def test_labels_nobody_told_of_are_not_learnt() -> None:
    texts, items = films(30)
    some = [
        Item(i.path, tuple(n for n in i.labels if n != "Western"), i.film, known=("Horror",))
        for i in items
    ]
    learnt = learn(texts, some, MANY, False)
    assert np.ptp(learnt.held_out[:, 1]) == pytest.approx(0, abs=1e-6)
    assert np.ptp(learnt.held_out[:, 0]) > 1


def test_nothing_to_learn_from_is_said() -> None:
    _, items = films(12)
    with pytest.raises(DataError, match="0 films with 100 words"):
        learn([["Yes."]] * 12, items, TWO, True)
