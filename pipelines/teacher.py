"""YAMNet as a teacher: what it hears in the sound of films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from vgenre.data.features import ClipFeatures
from vgenre.data.items import Item
from vgenre.labelling.padding import frame_mask
from vgenre.media.probing import probe
from vgenre.media.reader import sampled_clips
from vgenre.media.sampling import Sampling
from vgenre.media.types import CLIP_FRAMES
from vgenre.sound import MelSettings, sound_input

_WINDOW = 15_600  # samples at 16 kHz: what YAMNet hears at once
_CLASSES = 521  # of AudioSet


class Teacher:
    """YAMNet in TensorFlow Lite.

    Parameters
    ----------
    path : Path
        The ``.tflite`` file.
    """

    def __init__(self, path: Path) -> None:
        self._network = tf.lite.Interpreter(str(path))
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._output = self._network.get_output_details()[0]["index"]

    def hear(self, waveform: np.ndarray) -> np.ndarray:
        """Mean scores of the AudioSet classes in 16 kHz sound: float32, shape (521,)."""
        scores = []
        for begin in range(0, max(1, len(waveform) - _WINDOW // 2), _WINDOW // 2):
            window = np.zeros(_WINDOW, np.float32)
            part = waveform[begin : begin + _WINDOW]
            window[: len(part)] = part
            self._network.set_tensor(self._input, window)
            self._network.invoke()
            scores.append(self._network.get_tensor(self._output).reshape(_CLASSES))
        return np.mean(scores, axis=0)


def listen(
    items: Sequence[Item], mel: MelSettings, teacher: Path
) -> tuple[ClipFeatures, np.ndarray]:
    """All clips of some films that have sound, and the teacher's scores of them."""
    network = Teacher(teacher)
    parts, scores = [], []
    for item in items:
        clips = sampled_clips(probe(item.path), Sampling(None), sample_rate=mel.sample_rate)
        for clip in clips:
            if not clip.has_sound:
                continue
            sound = sound_input(clip, mel)
            scores.append(network.hear(clip.waveform[: clip.sample_count]))
            parts.append(
                ClipFeatures(
                    np.zeros((1, CLIP_FRAMES, 0), np.float16),
                    frame_mask(clip)[None],
                    sound.mel[None].astype(np.float16),
                    sound.mask[None],
                    np.array([clip.seconds], np.float32),
                )
            )
    return ClipFeatures.join(parts), np.stack(scores)
