"""Fine-tuning of the body on single frames: every layer of it is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import keras
import numpy as np

from ..data.items import Item, shared_weights
from ..errors import DataError
from ..labels import MULTI, UNKNOWN, LabelSet
from ..models.body import FRAME_LAYER, build_frame_classifier, freeze_normalisation
from .batches import EpochBatches
from .fit import fit
from .losses import masked_crossentropy
from .options import FineTuning


@dataclass(frozen=True)
class FramePool:
    """Frames to draw batches from.

    Parameters
    ----------
    frames : ndarray of uint8, shape (n_frames, height, width, 3)
        May be a memory map.
    rows : ndarray of int, shape (n,)
        The frames that may be drawn.
    targets : ndarray of float32, shape (n, n_labels)
        1, 0 or `UNKNOWN`.
    weights : ndarray, shape (n,)
        How often each frame is drawn, relative to the others of the pool.
    """

    frames: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.rows):
            raise DataError("there are no frames to fine-tune on")


def frame_pool(
    items: Sequence[Item], labels: LabelSet, frames: np.ndarray, owners: np.ndarray
) -> FramePool:
    """A pool of the frames of films, drawn from by `vgenre.data.items.shared_weights`.

    Parameters
    ----------
    items : sequence of Item
        Those to learn from.
    labels : LabelSet
    frames, owners
        As `vgenre.data.frames.film_frames` gives them.

    Returns
    -------
    FramePool
    """
    drawn = [items[owner] for owner in owners]
    many = LabelSet(labels.names, MULTI)  # frames are learnt by sigmoid in any case
    if not drawn:
        raise DataError("there are no frames to fine-tune on: no film to learn from has a picture")
    targets = np.stack([many.target(item.labels, item.known) for item in drawn])
    return FramePool(frames, np.arange(len(frames)), targets, shared_weights(drawn))


class FrameBatches(EpochBatches):
    """Augmented batches; each takes the same number of frames from every pool.

    Parameters
    ----------
    pools : sequence of FramePool
    options : FineTuning
    """

    def __init__(self, pools: Sequence[FramePool], options: FineTuning) -> None:
        # A GPU learns faster than one core makes pictures. TensorFlow must not be forked.
        several = {"workers": os.cpu_count(), "max_queue_size": 64, "use_multiprocessing": True}
        super().__init__(options.seed, **(several if keras.backend.backend() == "torch" else {}))
        self.pools, self.options = pools, options
        # Where each frame's share of the probability ends.
        shares = [np.cumsum(pool.weights) for pool in pools]
        self._upto = [upto[:-1] / upto[-1] for upto in shares]

    def __len__(self) -> int:
        return min(self.options.checkpoint_every, self.options.steps)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        options = self.options
        rng = self.rng(index)
        frames, targets = [], []
        for i in range(options.batch_size):
            which = i % len(self.pools)
            pool = self.pools[which]
            j = np.searchsorted(self._upto[which], rng.random(), side="right")
            frames.append(
                augment(pool.frames[pool.rows[j]], options.size, rng, options.smallest_crop)
            )
            targets.append(pool.targets[j])
        pictures, wanted = np.stack(frames), np.stack(targets)
        return mix(pictures, wanted, rng, options.mixup) if options.mixup else (pictures, wanted)


def mix(
    pictures: np.ndarray, targets: np.ndarray, rng: np.random.Generator, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each picture of a batch with another one of it, and their targets likewise.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (n, height, width, 3)
    targets : ndarray of float32, shape (n, n_labels)
        1, 0 or `UNKNOWN`; a blend with an unknown is unknown.
    rng : numpy.random.Generator
    alpha : float
        Parameter of the beta distribution of the shares.

    Returns
    -------
    pictures : ndarray of uint8, shape (n, height, width, 3)
    targets : ndarray of float32, shape (n, n_labels)
    """
    share = rng.beta(alpha, alpha, len(pictures)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # the picture itself has the larger part
    other = rng.permutation(len(pictures))
    s = share[:, None, None, None]
    blended = np.rint(s * pictures + (1 - s) * pictures[other]).astype(np.uint8)
    wanted = share[:, None] * targets + (1 - share[:, None]) * targets[other]
    wanted[(targets < 0) | (targets[other] < 0)] = UNKNOWN
    return blended, wanted


def augment(
    frame: np.ndarray, size: int, rng: np.random.Generator, smallest_crop: float = 0.35
) -> np.ndarray:
    """A random crop of a frame, perhaps mirrored, with other brightness, contrast and colour.

    Parameters
    ----------
    frame : ndarray of uint8, shape (height, width, 3)
    size : int
        Height and width of the result in pixels.
    rng : numpy.random.Generator
    smallest_crop : float
        Least share of the picture's area.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
    """
    height, width = frame.shape[:2]
    area, aspect = rng.uniform(smallest_crop, 1), np.exp(rng.uniform(-0.3, 0.3))
    crop_height = min(height, round(height * np.sqrt(area / aspect)))
    crop_width = min(width, round(width * np.sqrt(area * aspect)))
    top, left = rng.integers(height - crop_height + 1), rng.integers(width - crop_width + 1)
    crop = frame[top : top + crop_height, left : left + crop_width]
    picture = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        picture = cv2.flip(picture, 1)
    contrast, brightness, colour = (
        rng.uniform(0.75, 1.25),
        rng.uniform(-20, 20),
        rng.uniform(0.6, 1.3),
    )
    # All three are one affine map of a pixel's colours, which OpenCV applies to whole pictures.
    to_grey = np.full((3, 3), 1 / 3)
    mixed = contrast * (to_grey + (np.eye(3) - to_grey) * colour)
    offset = (1 - contrast) * float(np.mean(cv2.mean(picture)[:3])) + brightness
    return cv2.transform(picture, np.hstack([mixed, np.full((3, 1), offset)]))


def finetune(
    body: keras.Model,
    pools: Sequence[FramePool],
    options: FineTuning,
    directory: str | Path,
) -> keras.Model:
    """Fine-tune a body throughout on single frames.

    A run that was killed continues from its last checkpoint in `directory`.

    Parameters
    ----------
    body : keras.Model
        Built with ``size=options.size`` and ``dtype=options.dtype``; its
        weights are changed.
    pools : sequence of FramePool
    options : FineTuning
    directory : str or Path
        For checkpoints and TensorBoard logs; of this training alone.

    Returns
    -------
    keras.Model
        The frame classifier: `body` and a dense layer, with the moving average
        of the weights.
    """
    keras.utils.set_random_seed(options.seed)
    directory = Path(directory)
    model = build_frame_classifier(body, pools[0].targets.shape[1])
    if options.head_steps:
        body.trainable = False
        model.compile(keras.optimizers.Adam(2e-3), masked_crossentropy)
        probing = replace(options, steps=options.head_steps, checkpoint_every=options.head_steps)
        fit(model, FrameBatches(pools, probing), 1, directory, "frame_layer")
        body.trainable = True
        freeze_normalisation(body)
    if not options.steps:
        return model
    warmup = max(1, options.steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        options.learning_rate / 20,
        max(1, options.steps - warmup),
        alpha=0.01,
        warmup_target=options.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=options.weight_decay,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=min(0.998, 1 - 1 / max(2, options.steps // 5)),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta"])
    trainee = _remembering(model, body, options.memory) if options.memory else model
    trainee.compile(optimizer, masked_crossentropy)
    batches = FrameBatches(pools, options)
    fit(trainee, batches, -(-options.steps // len(batches)), directory, "body")
    optimizer.finalize_variable_values(trainee.trainable_variables)
    return model


class _Forgotten(keras.layers.Layer):
    """Adds to the loss how far features have moved from those of the network at the beginning.

    Parameters
    ----------
    weight : float
        Of one minus their cosine.
    """

    def __init__(self, weight: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.weight = weight

    def call(self, now, before):
        product = keras.ops.sum(now * before, axis=-1)
        sizes = keras.ops.norm(now, axis=-1) * keras.ops.norm(before, axis=-1)
        cosine = product / keras.ops.maximum(sizes, 1e-6)
        self.add_loss(self.weight * keras.ops.mean(1 - cosine))
        return now


def _remembering(model: keras.Model, body: keras.Model, weight: float) -> keras.Model:
    """The frame classifier, held to the features that its body has now.

    After Li and Hoiem, *Learning without Forgetting*, 2016: what ImageNet taught is of use for
    films that no genre label was ever given for.
    """
    before = keras.models.clone_model(body)
    before.name = f"{body.name}_before"
    before.set_weights(body.get_weights())
    before.trainable = False
    frames = model.input
    features = _Forgotten(weight, name="forgotten")(body(frames), before(frames, training=False))
    dropped = model.get_layer("dropout")(features)
    return keras.Model(frames, model.get_layer(FRAME_LAYER)(dropped), name="remembering")


def mix_weights(body: keras.Model, before: keras.Model, share: float) -> None:
    """Go back from fine-tuned weights some of the way to those before.

    Wortsman et al., *Robust fine-tuning of zero-shot models*, 2022.

    Parameters
    ----------
    body : keras.Model
        With the fine-tuned weights; is changed.
    before : keras.Model
        The same network.
    share : float
        Of the fine-tuned weights.
    """
    pairs = zip(body.get_weights(), before.get_weights(), strict=True)
    body.set_weights([share * new + (1 - share) * old for new, old in pairs])
