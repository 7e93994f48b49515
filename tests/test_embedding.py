"""The space in which films are compared, and the genres and neighbours that are found in it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from vgenre.dialogue.types import Cue
from vgenre.errors import DataError, ModelError
from vgenre.labelling.summary import FilmReading
from vgenre.models.embedding import EmbeddingSpace, parsed, written
from vgenre.models.maps import Expected
from vgenre.models.vocabulary import Vocabulary
from vgenre.taught.genre import Example, distinct, likeness, teach
from vgenre.taught.index import Index
from vgenre.taught.neighbours import nearest, neighbours_of_all
from vgenre.taught.taxonomy import Taxonomy, check_name, locked
from vgenre.training.embedding import fit_space, with_dialogue

pytestmark = pytest.mark.quick

WIDTHS = {"visual": 60, "audio": 30}


class World:
    """Films of genres that each lie apart in one axis of picture and of sound, and much noise."""

    def __init__(self, seed: int = 0, apart: float = 3.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._apart = apart
        axes = np.random.default_rng(1)
        self._axes = {s: axes.normal(size=(12, w)) for s, w in WIDTHS.items()}
        for stream, rows in self._axes.items():
            self._axes[stream] = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def films(self, count: int, genre: int | None = None) -> dict[str, np.ndarray]:
        """Readings of films by stream: (count, width)."""
        found = {}
        for stream, width in WIDTHS.items():
            found[stream] = self._rng.normal(size=(count, width))
            if genre is not None:
                found[stream] = found[stream] + self._apart * self._axes[stream][genre]
        return found


@pytest.fixture(scope="module")
def space() -> EmbeddingSpace:
    """A space that knows ten of the world's twelve genres."""
    world = World()
    parts = [world.films(20, genre) for genre in range(10)]
    readings = {s: np.concatenate([part[s] for part in parts]) for s in WIDTHS}
    readings["audio"][:5] = np.nan  # silent films
    genres = [(f"genre {i // 20}",) for i in range(200)]
    return fit_space(readings, genres, weights={"audio": 0.5})


def embedded(space: EmbeddingSpace, films: dict[str, np.ndarray]) -> np.ndarray:
    rows = range(len(films["visual"]))
    return np.stack([space.embedding({s: films[s][i] for s in films}) for i in rows])


def examples(space: EmbeddingSpace, films: dict[str, np.ndarray], name: str = "f") -> list[Example]:
    return [Example(f"{name}{i}", v) for i, v in enumerate(embedded(space, films))]


# --- the vector -----------------------------------------------------------------------------


def test_one_reading_gives_what_it_gives_among_many(space: EmbeddingSpace) -> None:
    readings = World(2).films(9)["visual"]
    many = space.maps["visual"].of(readings)
    assert many.dtype == np.float32 and many.shape == (9, space.maps["visual"].size)
    for reading, part in zip(readings, many, strict=True):
        one = space.maps["visual"].of(reading)
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, part, atol=1e-6)


def test_a_vector_is_half_precision_of_the_size_the_space_says(space: EmbeddingSpace) -> None:
    assert list(space.parts) == ["visual", "audio"] and space.parts["visual"].start == 0
    film = embedded(space, World(2).films(1))[0]
    assert film.dtype == np.float16 and film.shape == (space.size,) == (60 + 30,)
    for part in space.parts.values():
        assert np.linalg.norm(film[part].astype(float)) == pytest.approx(1, abs=1e-2)
    assert film.nbytes <= 12_000
    np.testing.assert_array_equal(parsed(written(film), space), film)


def test_a_missing_stream_is_masked_and_what_is_unknown_of_one_is_the_mean(
    space: EmbeddingSpace,
) -> None:
    films = World(2).films(1)
    silent = space.embedding({"visual": films["visual"][0]})
    assert np.isnan(silent[space.parts["audio"]]).all()
    both = embedded(space, films)[0]
    np.testing.assert_array_equal(silent[space.parts["visual"]], both[space.parts["visual"]])
    np.testing.assert_array_equal(parsed(written(silent), space), silent)
    half = films["visual"][0].copy()
    half[30:] = np.nan
    filled = np.where(np.isnan(half), space.maps["visual"].mean, half)
    np.testing.assert_allclose(
        space.embedding({"visual": half}), space.embedding({"visual": filled}), atol=1e-3
    )
    assert np.isnan(space.embedding({"dialogue": np.ones(3)})).all()
    with pytest.raises(ModelError, match="not of one model"):
        space.embedding({"visual": np.ones(7)})


def test_a_film_is_the_mean_of_its_clips_by_their_length() -> None:
    rng = np.random.default_rng(0)
    long, short, still = rng.normal(size=(40, 4)), rng.normal(size=(12, 4)), rng.normal(size=(1, 4))
    film = FilmReading()
    film.add({"frames": long, "audio": np.full(3, 2.0)}, 10)
    film.add({"frames": short}, 3)
    film.add({"frames": still, "audio": np.full(3, 6.0)}, 1)
    film.add({}, 5)
    found = film.readings()
    mean = (10 * long.mean(0) + 3 * short.mean(0) + still[0]) / 14
    deviation = (10 * long.std(0) + 3 * short.std(0)) / 13
    np.testing.assert_allclose(found["visual"], np.r_[mean, deviation], rtol=1e-5)
    np.testing.assert_allclose(found["audio"], (10 * 2 + 6) / 11, rtol=1e-6)
    picture = FilmReading()
    picture.add({"frames": still}, 0.25)
    assert np.isnan(picture.readings()["visual"][4:]).all() and "audio" not in picture.readings()
    assert FilmReading().readings() == {}


@pytest.mark.parametrize("text", ["?", "AAAA", written(np.zeros(4))])
def test_a_text_that_is_no_embedding_is_told_of(space: EmbeddingSpace, text: str) -> None:
    with pytest.raises(DataError, match="--restart"):
        parsed(text, space)


# --- what is said ---------------------------------------------------------------------------

TERMS = ("boat", "harbour", "the harbour", "horse", "sheriff", "ranch")


def lines(*words: str, times: int = 80) -> list[Cue]:
    """Cues with these words among others, more than `LEAST_WORDS` by default."""
    return [Cue(i, i + 1, f"we said {' and '.join(words)} again") for i in range(times)]


@pytest.fixture(scope="module")
def speaking(space: EmbeddingSpace) -> EmbeddingSpace:
    """A space that knows films at sea from Westerns by what is said."""
    rng = np.random.default_rng(0)
    said = rng.uniform(0, 0.4, (60, len(TERMS))).astype(np.float32)
    said[::2, :3] += 1
    said[1::2, 3:] += 1
    said /= np.linalg.norm(said, axis=1, keepdims=True)
    genres = [("Sea",) if i % 2 == 0 else ("Western",) for i in range(60)]
    known = Vocabulary(TERMS, np.ones(len(TERMS), np.float32))
    return with_dialogue(space, known, said, genres)


def test_what_is_said_is_a_part_of_the_vector(
    space: EmbeddingSpace, speaking: EmbeddingSpace
) -> None:
    assert list(speaking.parts) == ["visual", "audio", "dialogue"]
    part = speaking.parts["dialogue"]

    def heard(*words: str) -> np.ndarray:
        return speaking.embedding(speaking.dialogue(lines(*words)))

    sea, sea_too, west = heard("boat", "harbour"), heard("harbour"), heard("horse", "ranch")
    assert np.isnan(sea[: part.start]).all() and np.isfinite(sea[part]).all()
    same = likeness(sea, sea_too, speaking)
    assert same > 0.5 and likeness(sea, west, speaking) < 0.2
    films = World(2).films(1)
    seen = {s: films[s][0] for s in films}
    plain = space.embedding(seen)
    whole = speaking.with_dialogue(speaking.embedding(seen), lines("boat", "harbour"))
    np.testing.assert_array_equal(whole[: part.start], plain)
    np.testing.assert_array_equal(whole[part], sea[part])
    assert np.isnan(speaking.with_dialogue(whole, [])[part]).all()
    np.testing.assert_array_equal(space.with_dialogue(plain, lines("boat")), plain)


@pytest.mark.parametrize(
    "cues",
    [[], lines("boat", times=10), lines("nothing known"), [Cue(0, 1, "", song="boat")] * 400],
)
def test_too_little_that_is_said_has_no_part(speaking: EmbeddingSpace, cues: list[Cue]) -> None:
    assert speaking.dialogue(cues) == {}


def test_a_genre_is_taught_by_what_is_said_alone(speaking: EmbeddingSpace) -> None:
    sea = [("boat",), ("harbour",), ("boat", "harbour"), ("harbour", "boat", "horse")]
    films = [
        Example(str(i), speaking.embedding(speaking.dialogue(lines(*words))))
        for i, words in enumerate(sea)
    ]
    genre = teach("Sea", films[:3], speaking)
    west = speaking.embedding(speaking.dialogue(lines("horse", "sheriff")))
    is_it, is_not = genre.probabilities(np.stack([films[3].embedding, west]), speaking)
    assert is_it > 2 * is_not
    assert list(genre.by_stream(films[3].embedding, speaking)) == ["dialogue"]


def test_the_dialogue_is_read_as_it_was_written(speaking: EmbeddingSpace, tmp_path: Path) -> None:
    speaking.write(tmp_path / "e.safetensors")
    again = EmbeddingSpace.read(tmp_path / "e.safetensors")
    assert again.vocabulary is not None and again.vocabulary.terms == TERMS
    said = lines("boat", "sheriff")
    np.testing.assert_allclose(
        again.embedding(again.dialogue(said)),
        speaking.embedding(speaking.dialogue(said)),
        atol=5e-3,
    )


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("vocabulary.terms", np.frombuffer(b"boat\nboat\na\nb\nc\nd", np.uint8)),
        ("vocabulary.terms", np.frombuffer(b"\xff\nboat\na\nb\nc\nd", np.uint8)),
        ("vocabulary.idf", np.zeros(5, np.float32)),
        ("vocabulary.idf", None),
        ("dialogue.mean", None),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(
    speaking: EmbeddingSpace, tmp_path: Path, name: str, array: np.ndarray | None
) -> None:
    path = tmp_path / "e.safetensors"
    speaking.write(path)
    arrays = load_file(path)
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    save_file(arrays, path)
    with pytest.raises(ModelError, match=r"e\.safetensors: .*copy the model again"):
        EmbeddingSpace.read(path)


def test_a_vocabulary_without_a_map_and_a_map_without_one_are_refused(
    space: EmbeddingSpace, speaking: EmbeddingSpace, tmp_path: Path
) -> None:
    path = tmp_path / "e.safetensors"
    for odd in (replace(speaking, vocabulary=None), replace(space, vocabulary=speaking.vocabulary)):
        odd.write(path)
        with pytest.raises(ModelError, match="copy the model again"):
            EmbeddingSpace.read(path)


# --- its file -------------------------------------------------------------------------------


def test_a_space_is_read_as_it_was_written(space: EmbeddingSpace, tmp_path: Path) -> None:
    expected = Expected(0.5, 0.25, 0.5, 0.75, (3, 20))
    replace(space, expected=expected).write(tmp_path / "e.safetensors")
    again = EmbeddingSpace.read(tmp_path / "e.safetensors", "digest")
    assert again.digest == "digest" and again.expected == expected
    assert again.parts == space.parts and again.weights.tolist() == [1, 0.5]
    films = World(3).films(4, 1)
    np.testing.assert_allclose(embedded(again, films), embedded(space, films), atol=5e-3)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("visual.mean", np.zeros(3)),
        ("visual.projection", np.zeros((60, 0))),
        ("visual.spread", np.zeros(60)),
        ("audio.noise", np.array([-1.0])),
        ("audio.weight", np.array([np.nan])),
        ("smell.mean", np.zeros(3)),
        ("expected", np.zeros(6)),
        ("audio.mean", None),
    ],
)
def test_a_damaged_space_is_refused(
    space: EmbeddingSpace, tmp_path: Path, name: str, array: np.ndarray | None
) -> None:
    path = tmp_path / "e.safetensors"
    space.write(path)
    arrays = load_file(path)
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array.astype(np.float32)
    save_file(arrays, path)
    with pytest.raises(ModelError, match=r"e\.safetensors: .*copy the model again"):
        EmbeddingSpace.read(path)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot be read"):
        EmbeddingSpace.read(tmp_path / "e.safetensors")


def test_a_space_of_too_few_films_is_refused() -> None:
    with pytest.raises(ValueError, match="three at least"):
        fit_space({"visual": np.zeros((2, 4))}, [(), ()])


# --- genres ---------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [10, 11])
def test_a_genre_is_found_again_from_five_films(space: EmbeddingSpace, unknown: int) -> None:
    world = World(5)
    genre = teach("Heist", examples(space, world.films(5, unknown)), space)
    of_it = genre.scores(embedded(space, world.films(40, unknown)), space)
    other = genre.scores(embedded(space, world.films(200)), space)
    assert (of_it[:, None] > other).mean() > 0.9
    assert genre.separation == pytest.approx(of_it.mean(), abs=1)
    likely = genre.probabilities(embedded(space, world.films(40, unknown)), space)
    unlikely = genre.probabilities(embedded(space, world.films(200)), space)
    assert likely.mean() > 2.5 * unlikely.mean() and (unlikely >= 0.5).mean() < 0.1


def test_more_films_teach_more(space: EmbeddingSpace) -> None:
    world = World(6, apart=2.0)
    tested = embedded(space, world.films(60, 10)), embedded(space, world.films(300))

    def area(count: int) -> float:
        found = []
        for _ in range(5):
            genre = teach("Heist", examples(space, world.films(count, 10)), space)
            of_it, other = (genre.scores(films, space) for films in tested)
            found.append((of_it[:, None] > other).mean())
        return float(np.mean(found))

    assert area(3) + 0.02 < area(30)


def test_films_that_have_nothing_in_common_are_sure_of_nothing(space: EmbeddingSpace) -> None:
    world = World(7)
    genre = teach("Mixed", examples(space, world.films(6)), space)
    assert genre.separation < 0.7
    assert (genre.probabilities(embedded(space, world.films(100)), space) < 0.5).all()


def test_films_that_are_not_of_it_push_away(space: EmbeddingSpace) -> None:
    world = World(8)
    films, not_of_it = examples(space, world.films(5, 2)), examples(space, world.films(5, 3))
    alone, against = teach("A", films, space), teach("A", films, space, not_of_it)
    tested = embedded(space, world.films(50, 3))
    assert against.scores(tested, space).mean() < alone.scores(tested, space).mean() - 0.3
    assert len(against.others) == 5


def test_streams_that_are_missing_are_done_without(space: EmbeddingSpace) -> None:
    world = World(9)
    seen = world.films(5, 10)
    silent = examples(space, {"visual": seen["visual"]})
    genre = teach("Silent", silent, space)
    assert genre.weights[1] == 0
    films = embedded(space, world.films(3, 10))
    assert list(genre.by_stream(films[0], space)) == ["visual"]
    heard = np.where(np.arange(space.size) < 60, np.nan, films[:1])
    assert np.isnan(genre.scores(heard, space)).all()
    mixed = teach("Mixed", [*silent, *examples(space, world.films(4, 10), "g")], space)
    assert list(mixed.by_stream(films[0], space)) == ["visual", "audio"]
    assert np.isfinite(mixed.scores(heard, space)).all()


def test_too_few_films_and_copies_of_one_are_refused(space: EmbeddingSpace) -> None:
    films = examples(space, World(10).films(4, 1))
    with pytest.raises(DataError, match=r"Heist: 2 different films; .* from 3 at least"):
        teach("Heist", films[:2], space)
    with pytest.raises(DataError, match=r"Heist: 1 different film;.*copies of one film"):
        teach("Heist", [films[0], replace(films[0], path="copy"), films[0]], space)
    assert len(teach("Heist", [*films[:3], replace(films[0], path="copy")], space).films) == 3
    with pytest.raises(DataError, match="at most"):
        teach("Heist", examples(space, World(1).films(51, 1)), space)


def test_how_many_to_expect_grows_with_films_separation_and_share() -> None:
    known = Expected(0.4, 0.3, 0.6, 0.8, (3, 20))
    assert known.at(5, 1.0, 0.1) < known.at(10, 1.0, 0.1) < known.at(10, 2.0, 0.1)
    assert known.at(5, 1.0, 0.1) < known.at(5, 1.0, 0.3) < 1
    assert known.at(20, 1.0, 0.1) == known.at(50, 1.0, 0.1), "no more than was measured is promised"


# --- taxonomies -----------------------------------------------------------------------------


@pytest.fixture
def taxonomy(space: EmbeddingSpace) -> Taxonomy:
    world = World(11)
    films = {name: examples(space, world.films(4, i), name) for i, name in enumerate("ab")}
    others = examples(space, world.films(2), "not")
    named = replace(space, digest="of the space")
    return (
        Taxonomy(named)
        .put(teach("Wuxia", films["a"], named))
        .put(teach("Heist", films["b"], named, others))
    )


def test_a_taxonomy_is_read_as_it_was_written(taxonomy: Taxonomy, tmp_path: Path) -> None:
    taxonomy.write(tmp_path / "t", "six")
    again = Taxonomy.read(tmp_path / "t", taxonomy.space)
    assert again.names == ("Wuxia", "Heist")
    for one, other in zip(taxonomy.genres, again.genres, strict=True):
        assert [f.path for f in one.films] == [f.path for f in other.films]
        assert [f.path for f in one.others] == [f.path for f in other.others]
        assert one.separation == pytest.approx(other.separation, abs=1e-4)
    film = embedded(taxonomy.space, World(12).films(1, 0))[0]
    wanted = taxonomy.probabilities(film)
    assert again.probabilities(film) == pytest.approx(wanted, abs=1e-3)
    assert wanted["Wuxia"] > wanted["Heist"]
    assert sorted(p.suffix for p in (tmp_path / "t").iterdir()) == [".json", ".safetensors"]


def test_a_taxonomy_changes_whole_or_not_at_all(taxonomy: Taxonomy, tmp_path: Path) -> None:
    taxonomy.write(tmp_path, "six")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    (arrays,) = (name for name in before if name.startswith("genres-"))
    taxonomy.without("wuxia").write(tmp_path, "six")
    assert Taxonomy.read(tmp_path, taxonomy.space).names == ("Heist",)
    assert not (tmp_path / arrays).exists()
    (tmp_path / arrays).write_bytes(before[arrays])  # of a state before, as if killed in between
    assert Taxonomy.read(tmp_path, taxonomy.space).names == ("Heist",)
    taxonomy.without("Wuxia").without("Heist").write(tmp_path, "six")
    assert Taxonomy.read(tmp_path, taxonomy.space).names == ()


def test_a_taxonomy_of_another_model_is_refused(taxonomy: Taxonomy, tmp_path: Path) -> None:
    taxonomy.write(tmp_path, "six")
    with pytest.raises(ModelError, match=r"taught with another model \(six\)"):
        Taxonomy.read(tmp_path, replace(taxonomy.space, digest="of another"))


def test_what_is_no_taxonomy_or_a_damaged_one_is_refused(
    taxonomy: Taxonomy, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="vgenre teach makes one"):
        Taxonomy.read(tmp_path, taxonomy.space)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(DataError, match="no taxonomy of this version"):
        Taxonomy.read(tmp_path, taxonomy.space)
    taxonomy.write(tmp_path, "six")
    card = json.loads((tmp_path / "card.json").read_text())
    for changed in (
        {"arrays": "../elsewhere"},
        {"sha256": "0"},
        {"genres": card["genres"][:1] * 3},
        {"genres": [{"name": "a|b", "films": [], "others": []}]},
        {"genres": 3},
    ):
        (tmp_path / "card.json").write_text(json.dumps(card | changed))
        with pytest.raises(DataError, match=r"damaged|can be no genre's name"):
            Taxonomy.read(tmp_path, taxonomy.space)


@pytest.mark.parametrize("name", ["", " ", "a|b", "a/b", ".hidden", "a\nb", "x" * 61])
def test_names_that_would_break_outputs_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="can be no genre's name"):
        check_name(name)


def test_who_teaches_at_the_same_time_is_told_to_wait(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "t"),
        pytest.raises(DataError, match="another vgenre teach"),
        locked(tmp_path / "t"),
    ):
        pass
    assert not (tmp_path / "t").exists(), "nothing was taught"


# --- neighbours -----------------------------------------------------------------------------


def test_films_of_a_genre_are_nearest_to_one_of_it(space: EmbeddingSpace) -> None:
    world = World(13, apart=6.0)
    of_it, others = world.films(10, 3), world.films(200)
    films = {s: np.concatenate([of_it[s], others[s]]) for s in WIDTHS}
    vectors = embedded(space, films)
    found = nearest(space, vectors[0], vectors, 11)
    assert found[0].index == 0 and found[0].likeness == pytest.approx(1, abs=1e-2)
    assert {n.index for n in found[1:6]} <= set(range(10))
    assert all(a.likeness >= b.likeness for a, b in pairwise(found))
    each = neighbours_of_all(space, vectors[:20], top=3)
    assert [len(n) for n in each] == [3] * 20
    assert all(i not in [n.index for n in some] for i, some in enumerate(each))


def test_the_stream_that_says_so_is_told(space: EmbeddingSpace) -> None:
    world = World(14)
    one, other = world.films(1), world.films(1)
    sound = space.embedding({"visual": other["visual"][0], "audio": one["audio"][0]})
    picture = space.embedding({"visual": one["visual"][0], "audio": other["audio"][0]})
    asked = embedded(space, one)[0]
    found = nearest(space, asked, np.stack([sound, picture]))
    assert [(n.index, n.told_by) for n in found] == [(1, "visual"), (0, "audio")]
    assert found[0].streams["visual"] == pytest.approx(1, abs=1e-2)


def test_films_without_a_stream_in_common_are_no_neighbours(space: EmbeddingSpace) -> None:
    films = World(15).films(2)
    seen = space.embedding({"visual": films["visual"][0]})
    heard = space.embedding({"audio": films["audio"][1]})
    both = embedded(space, films)
    found = nearest(space, seen, np.stack([heard, both[0]]))
    assert [n.index for n in found] == [1] and found[0].streams.keys() == {"visual"}
    assert np.isnan(likeness(seen, heard, space))
    assert nearest(space, seen, np.zeros((0, space.size), np.float16)) == []


def test_an_index_of_a_hundred_thousand_films_answers_at_once(
    space: EmbeddingSpace, tmp_path: Path
) -> None:
    named = replace(space, digest="d")
    rng = np.random.default_rng(16)
    vectors = rng.normal(size=(100_000, space.size)).astype(np.float16)
    keys = [f"{i:032x}" for i in range(100_000)]
    Index(tmp_path / "i", named).write(keys, vectors)
    started = time.perf_counter()
    index = Index(tmp_path / "i", named)
    found = nearest(named, vectors[77_777], index.vectors(keys), 10)
    assert time.perf_counter() - started < 5  # a second on an idle machine; this one may be busy
    assert found[0].index == 77_777 and keys[5] in index and "none" not in index
    assert keys[5] not in Index(tmp_path / "i", replace(space, digest="another"))
    (tmp_path / "i").write_bytes(b"damaged")
    assert keys[5] not in Index(tmp_path / "i", named)


def test_copies_with_other_subtitles_are_one_film(speaking: EmbeddingSpace) -> None:
    films = World(4).films(4)
    seen = [{s: films[s][i] for s in films} for i in range(4)]
    said = [lines("boat", "harbour"), lines("horse"), lines("boat"), lines("ranch")]
    examples = [
        Example(str(i), speaking.embedding(seen[i] | speaking.dialogue(said[i]))) for i in range(4)
    ]
    copy = Example("copy", speaking.embedding(seen[0] | speaking.dialogue(lines("horse"))))
    assert likeness(copy.embedding, examples[0].embedding, speaking) < 0.99
    assert distinct([*examples, copy], speaking) == examples
    spoken = [Example(str(i), speaking.embedding(speaking.dialogue(said[i]))) for i in range(4)]
    again = Example("again", spoken[0].embedding)
    assert distinct([*spoken, again], speaking) == spoken
