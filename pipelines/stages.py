"""What the pipelines of the shipped models share; each result is kept in a work folder.

What is there already is not made again, so a pipeline that was killed continues; what a film,
an option, a weight or the code has changed for is made anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vgenre.data.items import Item
from vgenre.labels import LabelSet
from vgenre.media.sampling import Sampling
from vgenre.models.card import Architecture
from vgenre.training.options import TrainingOptions

# What brings TensorFlow or scikit-learn is imported where it is used: a pipeline says at once
# that there is no data.
if TYPE_CHECKING:
    from vgenre.data.features import ClipFeatures, FeatureExtractor
    from vgenre.training.initial import InitialWeights
    from vgenre.training.readings import Readings

BODY_LICENCE = (
    "The image network began from Google's Inception-v3 ImageNet weights of December 2015 "
    "(Apache-2.0) and was trained throughout on film posters and stills. The audio network up to "
    "its last layer is mn04_as of EfficientAT (MIT, Florian Schmid; see NOTICE.md)."
)

_BASELINE_EVERY = 8  # one of how many frames ImageNet's body computes


@dataclass(frozen=True)
class Recipe:
    """How the shipped models are made.

    Parameters
    ----------
    options : TrainingOptions
        Of both.
    toy : bool
        Whether they are the smallest ones, for tests.
    """

    options: TrainingOptions
    toy: bool

    @classmethod
    def of(cls, toy: bool) -> Recipe:
        """The recipe of the shipped models, or the smallest one, for tests."""
        if not toy:
            return cls(TrainingOptions(Architecture(lstm=64), epochs=15), toy)
        parts = Architecture.toy()
        return cls(TrainingOptions(parts, sampling=Sampling(1), epochs=1, graphs=False), toy)


def code_here(*files: str) -> list[str]:
    """What these pipelines do: a part of the key of all that they keep."""
    from vgenre.data.stages import code_of

    folder = Path(__file__).parent
    return [code_of(folder / name) for name in ("shared_data.py", "stages.py", *files)]


def initial_weights(data: Path, recipe: Recipe, *, imagenet: bool = False) -> InitialWeights:
    """What the streams read with: a body, the ear, and what names genres of frames.

    Parameters
    ----------
    data : Path
    recipe : Recipe
    imagenet : bool
        Whether the body is ImageNet's, for the baseline, or that of `six`, which ``tune_body.py``
        made. By its features the layer of `multi` that posters taught names genres of frames.
    """
    from vgenre.models.body import load_imagenet
    from vgenre.models.store import SHIPPED, file_hash, load_weights, read_card
    from vgenre.training.ear import load_mn04
    from vgenre.training.initial import InitialWeights, frame_genres

    if recipe.toy:
        return InitialWeights.of("none")
    ear = data / "weights" / "mn04" / "mn04_as.npz"
    weights = data / "weights" / "inception_v3_notop.h5"
    if not imagenet:
        weights = SHIPPED / "six" / "body.safetensors"
    put = load_imagenet if imagenet else load_weights
    found = InitialWeights(
        f"{file_hash(weights)} {file_hash(ear)}",
        lambda body: put(body, weights),
        lambda stream: load_mn04(stream, ear),
    )
    if imagenet:
        return found
    multi = SHIPPED / "multi"
    return replace(
        found,
        directory=weights.parent,
        frame_genres=lambda: frame_genres(multi, read_card(multi), "still"),
    )


@dataclass(frozen=True)
class Thinned:
    """Computes the features of some frames alone; the others take those of the one before.

    Parameters
    ----------
    extractor : FeatureExtractor
    every : int
        One of how many frames is computed.
    """

    extractor: FeatureExtractor
    every: int

    def features(self, frames: np.ndarray) -> np.ndarray:
        """Features of frames, uint8 (n, 299, 299, 3): float32 (n, width)."""
        computed = self.extractor.features(frames[:: self.every])
        return np.repeat(computed, self.every, axis=0)[: len(frames)]


def features_of(
    items: Sequence[Item], work: Path, recipe: Recipe, initial: InitialWeights, *, every: int = 1
) -> tuple[ClipFeatures, np.ndarray]:
    """Features and sound of a data set's clips, and their owners.

    Parameters
    ----------
    items : sequence of Item
    work : Path
    recipe : Recipe
    initial : InitialWeights
    every : int
        See `Thinned`.
    """
    from vgenre.data.cache import FeatureCache, feature_engine
    from vgenre.data.stages import fingerprint
    from vgenre.models.build import body_of
    from vgenre.models.store import BODY_FILE

    network = body_of(recipe.options.architecture)
    initial.body(network)
    graph = initial.graph_of(initial.directory / BODY_FILE) if initial.directory else None
    engine, name = feature_engine(network, fingerprint(initial.identity), graph)
    if every > 1:
        engine, name = Thinned(engine, every), f"{name}, one frame in {every}"
    cache = FeatureCache(
        work / "features", engine, name, mel=recipe.options.mel, sampling=recipe.options.sampling
    )
    joined = work / f"joined-{fingerprint(name, [item.path for item in items])}"
    return cache.collect(items, joined, progress=show_progress)


def read_clips(
    items: Sequence[Item],
    labels: LabelSet,
    work: Path,
    recipe: Recipe,
    initial: InitialWeights,
    *,
    genres: bool = True,
) -> tuple[Readings, ClipFeatures]:
    """Clips as the procedure reads them, perhaps by genres of frames too, and their features."""
    from vgenre.models.audio import build_audio_stream
    from vgenre.training.clip_readings import readings_of_clips

    clips, owners = features_of(items, work, recipe, initial)
    audio = build_audio_stream(1, recipe.options.mel, ear=recipe.options.architecture.ear)
    initial.ear(audio)
    named = initial.frame_genres() if genres else None
    return readings_of_clips(clips, owners, items, labels, audio, named), clips


def readings_of(
    items: Sequence[Item],
    labels: LabelSet,
    data: Path,
    work: Path,
    recipe: Recipe,
    *,
    stills: Sequence[Item] = (),
    baseline: bool = True,
) -> Readings:
    """Clips as the procedure reads them; beside them as ImageNet's body does, for the baseline.

    That computes five frames for ten seconds, whose mean and deviation are about those of forty,
    in an eighth of the time. Its ways of reading begin with ``imagenet``. Still images of other
    films teach frame by frame.
    """
    from vgenre.training.clip_readings import with_frames
    from vgenre.training.readings import MEAN

    initial = initial_weights(data, recipe)
    readings, clips = read_clips(items, labels, work, recipe, initial)
    if stills:
        pictures, _ = read_clips(stills, labels, work, recipe, initial, genres=False)
        pictures = pictures.read_as(MEAN)
        outside = readings.outside or pictures.outside
        readings = replace(readings, outside=outside)
        readings = with_frames(readings, clips, replace(pictures, outside=outside))
    if not baseline:
        return readings
    imagenet = initial_weights(data, recipe, imagenet=True)
    plain, _ = features_of(items, work, recipe, imagenet, every=_BASELINE_EVERY)
    return with_baseline(readings, plain)


def with_baseline(readings: Readings, plain: ClipFeatures) -> Readings:
    """Readings with those of ImageNet's features of the same clips beside them."""
    from vgenre.training.clip_readings import summaries

    visual = {f"imagenet: {way}": values for way, values in summaries(plain).items()}
    sources = {**readings.sources, "visual": {**readings.sources["visual"], **visual}}
    return replace(readings, sources=sources)


def show_progress(done: int, of: int) -> None:
    """Show on stderr how many files have their features."""
    print(f"features {done} of {of}", file=sys.stderr, end="\r")
