"""Small pictures of a clip, for reports: a frame and the sound under it."""

from __future__ import annotations

import base64

import numpy as np

from .media import Clip, MediaInfo

_WIDTH, _MEL_HEIGHT = 112, 32  # pixels
_QUALITY = 60


def clip_pictures(clip: Clip, mel: np.ndarray, info: MediaInfo) -> dict[str, str]:
    """A clip's middle frame in its true shape, and its mel spectrogram.

    Parameters
    ----------
    clip : Clip
    mel : ndarray of float32, shape (n_mels, steps)
        dB.
    info : MediaInfo
        Of the film.

    Returns
    -------
    dict of str to str
        JPEG as data URIs: ``frame`` and ``mel``, as far as there are any.
    """
    import cv2

    pictures = {}
    if clip.has_picture:
        shape = (info.height or 9) / (info.width or 16)
        size = (_WIDTH, max(16, min(2 * _WIDTH, round(_WIDTH * shape))))
        frame = cv2.resize(clip.frames[clip.frame_count // 2], size, interpolation=cv2.INTER_AREA)
        pictures["frame"] = _data_uri(frame[..., ::-1])
    if clip.has_sound:
        floor, ceiling = float(mel.min()), float(mel.max())
        level = (mel - floor) / max(1e-6, ceiling - floor)
        small = cv2.resize(level[::-1], (_WIDTH, _MEL_HEIGHT), interpolation=cv2.INTER_AREA)
        grey = np.rint(255 * small).astype(np.uint8)
        pictures["mel"] = _data_uri(cv2.applyColorMap(grey, cv2.COLORMAP_CIVIDIS))
    return pictures


def _data_uri(picture: np.ndarray) -> str:
    import cv2

    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def spread(n: int, wanted: int) -> list[int]:
    """At most `wanted` of `n` things, evenly spread."""
    if n <= wanted:
        return list(range(n))
    return [int((i + 0.5) * n / wanted) for i in range(wanted)]
