"""The options of training."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..media.sampling import Sampling
from ..models.card import Architecture
from ..sound import MelSettings


@dataclass(frozen=True)
class TrainingOptions:
    """How the heads are trained.

    Parameters
    ----------
    architecture : Architecture
    mel : MelSettings
    sampling : Sampling
        Which clips of each film are learnt from.
    epochs : int
        At most; training stops when validation films get no better.
    patience : int
        Epochs without improvement after which it stops.
    batch_size : int
        Clips.
    learning_rate : float
    finetuning : FineTuning or None
        Whether and how the body is fine-tuned first.
    graphs : bool
        Whether to write graphs for the OpenVINO engine too.
    seed : int
    optimizer : str
        Of a network of the zoo, as what follows: one of
        `vgenre.training.names.OPTIMIZERS`.
    top_k : int
        While it learns, a clip counts as right in ``top_k`` where its label is among
        so many.
    dtype : str or None
        Keras dtype policy, ``"mixed_float16"`` or ``"mixed_bfloat16"``.
    devices : int
        Devices of this machine that share each batch.
    """

    architecture: Architecture = field(default_factory=Architecture)
    mel: MelSettings = field(default_factory=MelSettings)
    sampling: Sampling = field(default_factory=lambda: Sampling(4))
    epochs: int = 60
    patience: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    finetuning: FineTuning | None = None
    graphs: bool = True
    seed: int = 0
    optimizer: str = "adamw"
    top_k: int = 5
    dtype: str | None = None
    devices: int = 1


@dataclass(frozen=True)
class FineTuning:
    """How a body is fine-tuned.

    Parameters
    ----------
    steps : int
        Batches, rounded up to whole checkpoints. The method takes 4,000. 0: only the
        dense layer on the body learns.
    batch_size : int
    size : int
        Height and width in pixels of the crops. Trained small and used at 299
        pixels, a network sees things at about the same size, as random crops
        enlarge them (Touvron et al., *Fixing the train-test resolution
        discrepancy*, 2019), and a step costs a quarter.
    head_steps : int
        Batches before them in which only the dense layer on the body learns. A
        random one would first of all distort the body (Kumar et al.,
        *Fine-Tuning Can Distort Pretrained Features*, 2022).
    learning_rate : float
        Its peak; it rises over 5 % of the steps and falls as a cosine. Small,
        as the body's batch normalisation is frozen and evens nothing out.
    weight_decay : float
    memory : float
        How much it costs that features of a frame turn away from what they were at the
        beginning (one minus their cosine, against the nats of the labels). 0: nothing.
    smallest_crop : float
        Least share of the picture's area in a random crop.
    mixup : float
        Parameter of the beta distribution from which the share of a second
        frame blended into each is drawn (Zhang et al., *mixup: Beyond Empirical
        Risk Minimization*, 2018); 0 blends none.
    checkpoint_every : int
        Steps between checkpoints, from which a killed run continues.
    dtype : str
        Keras dtype policy of the body.
    seed : int
    """

    steps: int = 4000
    batch_size: int = 32
    size: int = 160
    head_steps: int = 600
    learning_rate: float = 6e-5
    weight_decay: float = 1e-4
    memory: float = 0.0
    smallest_crop: float = 0.35
    mixup: float = 0.1
    checkpoint_every: int = 100
    dtype: str = "mixed_bfloat16"
    seed: int = 0
