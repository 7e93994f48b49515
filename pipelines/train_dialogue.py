"""Learn what films' dialogue says of their genres, for both models that ship.

    python pipelines/train_dialogue.py DATA --work DIR --output DIR [--table FILE]

Writes ``six/dialogue.safetensors`` and ``multi/dialogue.safetensors`` to ``--output``, and
``held_out.npz`` with the logits of every film by heads that were chosen, fitted and calibrated
without its fold, for who fuses them with picture and sound.
"""

from __future__ import annotations

import hashlib
import json
import logging
import lzma
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from shared_data import IMDB_GENRES, dialogue_file, parser_of, write_table

from vgenre.data.items import Item
from vgenre.dialogue.cleaning import cleaned
from vgenre.dialogue.parsing import RawCue
from vgenre.labels import MULTI, SIX_GENRES, LabelSet

LABELS = {"multi": LabelSet(IMDB_GENRES, MULTI), "six": LabelSet(SIX_GENRES)}
BARS = {"multi": {"mAP": 0.58, "macro_AUC": 0.90}, "six": {"mAP": 0.65}}
_EVERY = 10.0  # seconds between cues whose times are not known
_SAID_OFTEN, _RARE = 3, 5  # times that a film says a hero's name; films that say a rare one


@dataclass(frozen=True)
class Film:
    """A film of the data folder, its dialogue cleaned as that of a film to label is."""

    id: str
    film: str
    kind: str
    genres: dict[str, tuple[str, ...]]
    fold: int
    texts: list[str]

    def item(self, model: str) -> Item:
        """Its labels for a model."""
        known = LABELS[model].names
        labels = tuple(name for name in self.genres[model] if name in known)
        return Item(self.id, labels, self.film or self.id)


def films_of(file: Path, work: Path) -> list[Film]:
    """The films with dialogue; cleaned texts are kept in the working folder."""
    packed = file.read_bytes()
    kept = work / f"dialogue-{hashlib.sha256(packed).hexdigest()[:12]}.json"
    rows = [json.loads(line) for line in lzma.decompress(packed).splitlines()]
    if not kept.exists():
        texts = []
        for row in rows:
            lines = row["text"].split("\n")
            raw = [RawCue(_EVERY * i, _EVERY * i + 1, line) for i, line in enumerate(lines)]
            texts.append([cue.text for cue in cleaned(raw) if cue.text])
        kept.write_text(json.dumps(texts))
    return [
        Film(
            row["id"],
            row["film"],
            row["kind"],
            {"multi": tuple(row["genres"]), "six": tuple(row["six"])},
            row["fold"],
            texts,
        )
        for row, texts in zip(rows, json.loads(kept.read_text()), strict=True)
    ]


def figures(
    logits: np.ndarray, items: Sequence[Item], labels: LabelSet, *, rounds: int = 0
) -> dict[str, Any]:
    """Figures of films by held-out logits, with intervals from so many resamplings."""
    from vgenre.evaluation.films import Films
    from vgenre.evaluation.intervals import bootstrap
    from vgenre.evaluation.measures import calibration_error, measure
    from vgenre.models.fusion import sigmoid, softmax

    single = labels.mode != MULTI
    p = (softmax if single else sigmoid)(logits)
    truth = np.array([[name in item.labels for name in labels.names] for item in items], float)
    main = np.array([labels.names.index(i.labels[0]) if i.labels else -1 for i in items])
    films = Films([i.film for i in items], p[:, : len(labels)], truth, main)
    found = measure(films, labels)
    if single:  # none of them is an outcome, too
        right = np.column_stack([truth, main < 0])[np.arange(len(p)), p.argmax(axis=1)]
        found["ECE"] = calibration_error(p.max(axis=1), right > 0)
    if rounds:
        found["interval_95"] = bootstrap(films, labels, rounds=rounds)
    return found


def frequencies(items: Sequence[Item], labels: LabelSet, folds: np.ndarray) -> np.ndarray:
    """The logits of how frequent outcomes are in the other folds."""
    from vgenre.training.dialogue.learn import targets_of
    from vgenre.training.dialogue.sure import prior_of

    targets = targets_of(items, labels, labels.mode != MULTI)
    found = np.zeros(targets.shape)
    for fold in np.unique(folds):
        found[folds == fold] = prior_of(targets[folds != fold], labels.mode)
    return found


def net_scores(lessons: Any, targets: np.ndarray) -> np.ndarray:
    """What a small network says of each film that learnt without it: a bag of embeddings.

    Films' weighed terms go through a linear layer of low rank, the principal components, and one
    hidden layer; how long it learns is told by a part of the films to learn from.
    """
    from sklearn.neural_network import MLPClassifier

    from vgenre.training.dialogue.space import Weighing

    found = np.zeros(targets.shape)
    for fold in map(int, np.unique(lessons.folds)):
        basis, rows = lessons.basis(fold, Weighing()), lessons.rows(fold)
        test = np.flatnonzero(lessons.folds == fold)
        values, vectors = np.linalg.eigh(basis.inner)
        turn = vectors[:, -256:] / np.sqrt(np.maximum(values[-256:], 1e-6))
        vectors_of_test = basis.space.vectors(lessons.corpus.counts[test])
        x, new = basis.inner @ turn, (vectors_of_test @ basis.vectors.T).toarray() @ turn
        middle, scale = x.mean(axis=0), x.std(axis=0).mean()
        net = MLPClassifier((64,), alpha=1.0, early_stopping=True, max_iter=200, random_state=0)
        net.fit((x - middle) / scale, targets[rows] > 0)
        found[test] = net.predict_proba((new - middle) / scale)
    p = np.clip(found, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def sharing_names(lessons: Any) -> np.ndarray:
    """Films with a hero whose rare name is a hero's of a film in another fold: bool a film."""
    corpus = lessons.corpus
    upper, both = (np.asarray(m.sum(axis=0)).ravel() for m in (corpus.capitals, corpus.inside))
    often = (corpus.capitals >= _SAID_OFTEN).tocsc()
    found = np.zeros(len(lessons.folds), bool)
    says = np.diff(often.indptr)
    for word in np.flatnonzero((upper > 0.85 * both) & (says >= 2) & (says <= _RARE)):
        films = often.indices[often.indptr[word] : often.indptr[word + 1]]
        if len(set(lessons.folds[films])) > 1:
            found[films] = True
    return found


def telling(lessons: Any, learnt: Any, items: Sequence[Item], labels: LabelSet) -> dict[str, Any]:
    """The terms that speak most for each genre in the films of it."""
    from vgenre.training.dialogue.space import Space

    head = learnt.head
    rows = lessons.rows(None)
    column = {term: i for i, term in enumerate(lessons.corpus.terms)}
    space = Space(np.array([column[term] for term in head.terms]), head.idf)
    vectors = space.vectors(lessons.corpus.counts[rows])
    mean = np.asarray(vectors.mean(axis=0)).ravel()
    found = {}
    for i, name in enumerate(labels.names):
        has = np.array([name in items[row].labels for row in rows])
        if has.any():
            more = np.asarray(vectors[np.flatnonzero(has)].mean(axis=0)).ravel() - mean
            best = np.argsort(-np.maximum(more, 0) * head.kernel[:, i])[:12]
            found[name] = [head.terms[place] for place in best]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = parser_of(__doc__, table=True)
    parser.add_argument("--output", type=Path, help="where the heads go; the working folder else")
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args(arguments)
    file = dialogue_file(args.data)
    from vgenre.evaluation.measures import rounded

    args.work.mkdir(parents=True, exist_ok=True)
    output = args.output or args.work
    course = Course(films_of(file, args.work), args.jobs)
    learnt = {model: course.learn(model) for model in LABELS}
    for model, found in learnt.items():
        (output / model).mkdir(parents=True, exist_ok=True)
        found.head.write(output / model / "dialogue.safetensors")
    np.savez_compressed(
        output / "held_out.npz",
        ids=np.array([film.id for film in course.films]),
        film=np.array([film.film for film in course.films]),
        kind=course.kinds,
        **{model: found.held_out for model, found in learnt.items()},
    )
    rounds = 20 if args.toy else 1000  # resamplings
    measured = {m: course.measure(m, found, rounds) for m, found in learnt.items()}
    (output / "figures.json").write_text(json.dumps(rounded(measured), indent=1))
    write_table(table_of(measured), args.table)


class Course:
    """All films, ready to learn from; what is learnt of them, and how good that is.

    Parameters
    ----------
    films : sequence of Film
    jobs : int
    """

    def __init__(self, films: Sequence[Film], jobs: int) -> None:
        from vgenre.training.dialogue.lessons import Lessons

        self.films, self.jobs = films, jobs
        self.folds = np.array([film.fold for film in films])
        self.kinds = np.array([film.kind for film in films])
        self.items = {model: [film.item(model) for film in films] for model in LABELS}
        self.lessons = Lessons.of([f.texts for f in films], self.items["six"], self.folds)

    def learn(self, model: str, weighings: Sequence[Any] | None = None) -> Any:
        from vgenre.training.dialogue.learn import WEIGHINGS, learn

        labels = LABELS[model]
        return learn(
            self.lessons,
            self.items[model],
            labels,
            labels.mode != MULTI,
            weighings=weighings or WEIGHINGS,
            jobs=self.jobs,
        )

    def figures(self, model: str, logits: np.ndarray, rows: np.ndarray, rounds: int = 0) -> Any:
        """Figures of some films; one with too little dialogue is taken for any film."""
        labels = LABELS[model]
        any_film = frequencies(self.items[model], labels, self.folds)
        said = np.where(np.isnan(logits), any_film, logits)[rows]
        items = [self.items[model][i] for i in np.flatnonzero(rows)]
        return figures(said, items, labels, rounds=rounds) if items else {}

    def measure(self, model: str, learnt: Any, rounds: int) -> dict[str, Any]:
        """All that the documentation tells of a head."""
        from vgenre.training.dialogue.learn import targets_of
        from vgenre.training.dialogue.space import Weighing

        items, labels = self.items[model], LABELS[model]
        targets = targets_of(items, labels, labels.mode != MULTI)
        plain = [Weighing(share) for share in (0.5, 0.8)]
        with_names = [replace(weighing, names=True) for weighing in plain]
        systems = {
            "how frequent genres are": frequencies(items, labels, self.folds),
            "TF-IDF and ridge": self.learn(model, [Weighing(0.5, names=True)]).held_out,
            "words alone": self.learn(model, [Weighing(pairs=False)]).held_out,
            "plain weights, names too": self.learn(model, with_names).held_out,
            "plain weights": self.learn(model, plain).held_out,
            "a small network": net_scores(self.lessons, targets),
            "shipped": learnt.held_out,
        }
        subtitles, sharing = self.kinds == "subtitle", sharing_names(self.lessons)
        groups = {"sharing": subtitles & sharing, "others": subtitles & ~sharing}
        head = learnt.head
        return {
            "systems": {n: self.figures(model, s, subtitles, rounds) for n, s in systems.items()},
            "scripts": self.figures(model, learnt.held_out, ~subtitles),
            "by_words": {n: self.figures(model, s, subtitles) for n, s in learnt.by_words.items()},
            "names": {
                group: {
                    n: self.figures(model, systems[n], rows)
                    for n in ("plain weights", "plain weights, names too")
                }
                for group, rows in groups.items()
                if rows.any()
            },
            "trust": dict(zip(head.lengths.tolist(), head.trust.tolist(), strict=True)),
            "terms": len(head.terms),
            "chosen": learnt.chosen,
            "tried": learnt.tried,
            "telling": telling(self.lessons, learnt, items, labels),
            "bars": BARS[model],
        }


def table_of(found: dict[str, Any]) -> str:
    """All figures as tables in Markdown."""
    lines = ["| system | " + " | ".join(f"{m}: mAP | {m}: macro AUC | {m}: ECE" for m in LABELS)]
    lines = [lines[0] + " |", "|---" * (1 + 3 * len(LABELS)) + "|"]

    def cell(of: dict[str, Any], name: str) -> str:
        low, high = of["interval_95"][name]
        return f"{of[name]:.3f} ({low:.3f} to {high:.3f})"

    for system in found["multi"]["systems"]:
        cells = []
        for model in LABELS:
            of = found[model]["systems"][system]
            cells += [cell(of, "mAP"), cell(of, "macro_AUC"), f"{of['ECE']:.3f}"]
        lines.append(f"| {system} | " + " | ".join(cells) + " |")
    bars = [f"{BARS[m].get(n, '')}" for m in LABELS for n in ("mAP", "macro_AUC", "ECE")]
    lines += ["| bar | " + " | ".join(bars) + " |", ""]

    lines += ["| words | " + " | ".join(f"{m}: mAP" for m in LABELS) + " |", "|---|---|---|"]
    for n in found["multi"]["by_words"]:
        cells = [f"{found[m]['by_words'][n]['mAP']:.3f}" for m in LABELS]
        lines.append(f"| first {n:,} | " + " | ".join(cells) + " |")
    cells = [f"{found[m]['systems']['shipped']['mAP']:.3f}" for m in LABELS]
    lines += ["| all | " + " | ".join(cells) + " |", ""]

    lines += ["| films | model | films | mAP | mAP with names |", "|---|---|---|---|---|"]
    for model in LABELS:
        for group, of in found[model]["names"].items():
            plain = of["plain weights"]
            with_names = of["plain weights, names too"]["mAP"]
            row = f"| {group} | {model} | {plain['films']} | {plain['mAP']:.3f} |"
            lines.append(f"{row} {with_names:.3f} |")
    lines.append("")

    lines += ["| model | genre | films | AP | AUC | most telling |", "|---|---|---|---|---|---|"]
    for model in LABELS:
        for name, of in found[model]["systems"]["shipped"]["per_label"].items():
            if of["films"]:
                words = ", ".join(found[model]["telling"].get(name, []))
                row = f"| {model} | {name} | {of['films']} | {of['AP']:.2f} | {of['AUC']:.2f} |"
                lines.append(f"{row} {words} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
