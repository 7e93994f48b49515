"""The stages that the shipped models' pipelines share; each leaves its result in a work folder.

What is there already is not made again, so a pipeline that was killed continues; what a film,
an option, a weight or the code has changed for is made anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from shared_data import IMDB_GENRES, poster_items

from vgenre.data.items import Item
from vgenre.labels import MULTI, SIX_GENRES, LabelSet
from vgenre.media.sampling import Sampling
from vgenre.models.card import Architecture
from vgenre.training.options import FineTuning, TrainingOptions

# What brings TensorFlow or scikit-learn is imported where it is used: a pipeline says at once
# that there is no data.
if TYPE_CHECKING:
    import keras

    from vgenre.data.features import ClipFeatures
    from vgenre.training.initial import InitialWeights

ARCHITECTURE = Architecture(block="mixed9")
"""Of both models. Without the last block: one of its kernels had to be re-estimated in the weights
that training begins with, and features of the block before tell genres of clips apart better."""

SHARE = 0.5
"""Of the fine-tuned weights in the body, the rest being those before (Wortsman et al., *Robust
fine-tuning of zero-shot models*, 2022): what posters teach is partly of posters alone."""

BODY_LICENCE = (
    "The image network began from Google's Inception-v3 ImageNet weights of December 2015 "
    "(Apache-2.0) and was trained throughout on film posters; the audio network began by learning "
    "what YAMNet (Apache-2.0) hears in the training films."
)


@dataclass(frozen=True)
class Recipe:
    """How the shipped models are made.

    Parameters
    ----------
    finetuning : FineTuning
        Of the body, on posters.
    six, multi : TrainingOptions
        Of the heads of each model.
    distil_epochs : int
        Of the audio stream's lessons.
    from_imagenet : bool
        Whether the body begins with ImageNet's weights, or with random ones.
    """

    finetuning: FineTuning
    six: TrainingOptions
    multi: TrainingOptions
    distil_epochs: int
    from_imagenet: bool

    @classmethod
    def of(cls, toy: bool) -> Recipe:
        """The recipe of the shipped models, or the smallest one, for tests."""
        if not toy:
            return cls(
                FineTuning(steps=2000),
                six=TrainingOptions(ARCHITECTURE, batch_size=32, epochs=40, patience=8),
                multi=TrainingOptions(ARCHITECTURE, batch_size=64, epochs=12, patience=2),
                distil_epochs=40,
                from_imagenet=True,
            )
        options = TrainingOptions(
            Architecture.toy(), sampling=Sampling(1), batch_size=8, epochs=1, graphs=False
        )
        tuning = FineTuning(
            steps=1, batch_size=4, size=64, head_steps=1, checkpoint_every=1, dtype="float32"
        )
        return cls(tuning, options, options, distil_epochs=1, from_imagenet=False)


def code_here(*files: str) -> list[str]:
    """What these pipelines do: a part of the key of all that they keep."""
    from vgenre.data.stages import code_of

    folder = Path(__file__).parent
    return [code_of(folder / name) for name in ("shared_data.py", "stages.py", *files)]


def _imagenet(data: Path) -> Path:
    return data / "weights" / "inception_v3_notop.h5"


def new_body(data: Path, recipe: Recipe, **how: Any) -> keras.Model:
    """A whole body with the weights that everything begins from."""
    import keras

    from vgenre.models.body import build_body, load_imagenet

    keras.utils.set_random_seed(0)
    body = build_body(recipe.six.architecture.body, **how)
    if recipe.from_imagenet:
        load_imagenet(body, _imagenet(data))
    return body


def finetune_body(data: Path, work: Path, recipe: Recipe) -> Path:
    """Fine-tune InceptionV3 throughout on the training posters; returns its weights' file.

    No film clip is seen by it: a body that knows the few hundred films to learn from
    tells them apart too easily, and the heads learn from features that new films do not have.
    """
    from vgenre.data.frames import film_frames
    from vgenre.data.stages import Stage, items_key
    from vgenre.models.store import file_hash, save_weights
    from vgenre.training.body import finetune, frame_pool

    items = [item for item in poster_items(data) if item.split == "train"]
    begun = file_hash(_imagenet(data)) if recipe.from_imagenet else "random"
    body_name = recipe.six.architecture.body
    stage = Stage.of(
        work, "body", items_key(items), recipe.finetuning, body_name, begun, code_here()
    )

    def tuned() -> keras.Model:
        frames, owners = film_frames(items, stage.place / "posters.raw", Sampling(1))
        pool = frame_pool(items, LabelSet(IMDB_GENRES, MULTI), frames, owners)
        print(f"body: {len(pool.rows)} posters to train on", file=sys.stderr)
        options = recipe.finetuning
        body = new_body(data, recipe, size=options.size, dtype=options.dtype)
        finetune(body, [pool], options, stage.place)
        return body

    return stage.keep(".safetensors", tuned, lambda file, body: save_weights(body, file))


def initial_weights(
    data: Path, work: Path, recipe: Recipe, items: Sequence[Item]
) -> InitialWeights:
    """What the heads' training begins from: the body, and the audio stream of these clips."""
    from vgenre.data.stages import fingerprint
    from vgenre.models.body import build_body, take_blocks
    from vgenre.models.store import load_weights
    from vgenre.training.initial import InitialWeights

    weights = finetune_body(data, work, recipe)
    audio, heard = pretrain_audio(data, work, recipe, items)

    def put(network: keras.Model) -> None:
        before = new_body(data, recipe)
        after = build_body(recipe.six.architecture.body)
        load_weights(after, weights)
        pairs = zip(before.get_weights(), after.get_weights(), strict=True)
        after.set_weights([(1 - SHARE) * old + SHARE * new for old, new in pairs])
        take_blocks(after, network)

    return InitialWeights(fingerprint(weights.name, SHARE, heard.name), put, audio)


def features_of(
    items: Sequence[Item], network: keras.Model, file: Path, work: Path, recipe: Recipe
) -> tuple[ClipFeatures, np.ndarray]:
    """Features of a data set by a body whose weights are in `file`, and their owners."""
    from vgenre.data.cache import FeatureCache, feature_engine
    from vgenre.data.stages import fingerprint
    from vgenre.models.store import file_hash

    body = file_hash(file)
    cache = FeatureCache(
        work / "features",
        *feature_engine(network, body),
        mel=recipe.six.mel,
        sampling=recipe.six.sampling,
    )
    joined = work / f"joined-{fingerprint(body, [item.path for item in items])}"
    return cache.collect(items, joined, progress=show_progress)


def show_progress(done: int, of: int) -> None:
    """Show on stderr how many files have their features."""
    print(f"features {done} of {of}", file=sys.stderr, end="\r")


def pretrain_audio(
    data: Path, work: Path, recipe: Recipe, items: Sequence[Item]
) -> tuple[Callable[[keras.Model], None], Path]:
    """Teach the audio stream what the teacher hears in the training films among `items`.

    Returns
    -------
    callable
        Puts what was learnt into an audio stream.
    Path
        Of what was learnt; its name is of all that it was made from.
    """
    import keras

    from vgenre.data.stages import Stage
    from vgenre.models.audio import build_audio_stream
    from vgenre.models.store import load_weights, save_weights
    from vgenre.training.audio import distil
    from vgenre.training.initial import transfer

    parts, mel = recipe.six.architecture, recipe.six.mel
    keras.utils.set_random_seed(0)
    stream = build_audio_stream(
        len(SIX_GENRES), mel, channels=parts.audio_channels, embedding=parts.embedding
    )
    heard = _teacher_heard(data, work, recipe, [item for item in items if item.split == "train"])
    sizes = (parts.audio_channels, parts.embedding)
    stage = Stage.of(work, "audio", heard.name, sizes, recipe.distil_epochs, code_here())

    def learnt() -> keras.Model:
        clips, scores = _clips_of(heard)
        print(f"sound: {len(clips)} clips to learn from the teacher", file=sys.stderr)
        distil(stream, clips, scores, stage.place, epochs=recipe.distil_epochs)
        return stream

    weights = stage.keep(".safetensors", learnt, lambda file, made: save_weights(made, file))
    load_weights(stream, weights)
    return lambda network: transfer(stream, network), weights


def _teacher_heard(data: Path, work: Path, recipe: Recipe, items: Sequence[Item]) -> Path:
    """Every clip's mel and the teacher's scores of it."""
    from teacher import listen

    from vgenre.data.stages import Stage, items_key
    from vgenre.models.store import file_hash

    network = data / "weights" / "yamnet_teacher.tflite"
    stage = Stage.of(
        work, "teacher", items_key(items), recipe.six.mel, file_hash(network),
        code_here("teacher.py"),
    )  # fmt: skip

    def heard() -> dict[str, np.ndarray]:
        clips, scores = listen(items, recipe.six.mel, network)
        return {
            "mel": np.asarray(clips.mel),
            "mask": clips.mel_mask,
            "seconds": clips.seconds,
            "scores": scores,
        }

    return stage.keep(".npz", heard, lambda file, found: np.savez(file, **found))


def _clips_of(heard: Path) -> tuple[ClipFeatures, np.ndarray]:
    from vgenre.data.features import ClipFeatures

    with np.load(heard) as stored:
        n = len(stored["seconds"])
        clips = ClipFeatures(
            np.zeros((n, 1, 0), np.float16),
            np.zeros((n, 1), np.float32),
            stored["mel"],
            stored["mask"],
            stored["seconds"],
        )
        return clips, stored["scores"]
