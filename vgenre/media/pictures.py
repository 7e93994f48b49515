"""Small pictures of a clip, for reports: a frame and the sound under it. Arrays in, JPEG out."""

from __future__ import annotations

import base64
import io

import numpy as np

_WIDTH, _MEL_HEIGHT, _FRAME_HEIGHT = 112, 32, 200  # pixels
_QUALITY = 60
_STRIP = 6  # frames
_SLIMMEST = 3.0  # a side of a picture that is drawn, divided by the other
_DIMMED = 0.25  # brightness of what does not matter


def clip_pictures(
    frame: np.ndarray | None, aspect: float, mel: np.ndarray | None
) -> dict[str, str]:
    """A frame of a clip in its true shape, and the clip's mel spectrogram.

    Parameters
    ----------
    frame : ndarray of uint8, shape (height, width, 3), or None
        RGB.
    aspect : float
        Width of the film's picture divided by its height, as shown.
    mel : ndarray of float32, shape (n_mels, steps), or None
        dB.

    Returns
    -------
    dict of str to str
        JPEG as data URIs: ``frame`` and ``mel``, as far as they are given.
    """
    import cv2

    pictures = {}
    if frame is not None:
        size = (_WIDTH, round(_WIDTH / drawable(aspect)))
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        pictures["frame"] = data_uri(small[..., ::-1], _QUALITY)
    if mel is not None:
        size = (_WIDTH, _MEL_HEIGHT)
        picture = cv2.resize(_coloured(mel), size, interpolation=cv2.INTER_AREA)
        pictures["mel"] = data_uri(picture, _QUALITY)
    return pictures


def drawable(aspect: float) -> float:
    """The shape in which a picture is drawn; a film of one pixel's width would be invisible."""
    return min(max(aspect, 1 / _SLIMMEST), _SLIMMEST)


def strip_html(frames: np.ndarray) -> str:
    """Some of a clip's frames side by side, as an HTML element."""
    chosen = [frames[i][::2, ::2] for i in spread(len(frames), _STRIP)]
    strip = np.concatenate(chosen, axis=1)[..., ::-1]
    return f'<img alt="frames of the clip" src="{data_uri(strip, _QUALITY)}">'


def player_html(samples: np.ndarray, sample_rate: int) -> str:
    """Sound to play, as an HTML element; empty where soundfile is not installed."""
    try:
        import soundfile
    except ImportError:
        return ""
    sink = io.BytesIO()
    soundfile.write(sink, samples, sample_rate, format="OGG", subtype="VORBIS")
    sound = base64.b64encode(sink.getvalue()).decode()
    return f'<audio controls src="data:audio/ogg;base64,{sound}"></audio>'


def explanation_pictures(
    frame: np.ndarray | None,
    aspect: float,
    frame_map: np.ndarray | None,
    mel: np.ndarray | None,
    mel_map: np.ndarray | None,
) -> dict[str, str]:
    """A frame and a mel spectrogram, bright where they speak for a genre and dimmed elsewhere.

    Parameters
    ----------
    frame : ndarray of uint8, shape (height, width, 3), or None
    aspect : float
        Width of the film's picture divided by its height, as shown.
    frame_map : ndarray of float32, shape (rows, columns), or None
    mel : ndarray of float32, shape (n_mels, steps), or None
    mel_map : ndarray of float32, shape (bands, times), or None

    Returns
    -------
    dict of str to str
        JPEG as data URIs: ``frame`` and ``mel``, as far as there are any.
    """
    import cv2

    pictures = {}
    if frame is not None and frame_map is not None:
        size = (round(_FRAME_HEIGHT * drawable(aspect)), _FRAME_HEIGHT)
        picture = cv2.resize(highlighted(frame, frame_map), size, interpolation=cv2.INTER_AREA)
        pictures["frame"] = data_uri(picture[..., ::-1], _QUALITY)
    if mel is not None and mel_map is not None:
        picture = cv2.resize(_coloured(mel), (2 * _WIDTH, 3 * _MEL_HEIGHT))
        pictures["mel"] = data_uri(highlighted(picture, mel_map[::-1]), _QUALITY)
    return pictures


def highlighted(picture: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """A picture whose unimportant parts are dimmed.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    importance : ndarray of float, shape (rows, columns)
        A map over the picture; negative counts as 0.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    import cv2

    level = np.maximum(importance, 0) / max(1e-6, float(importance.max()))
    light = cv2.resize(level.astype(np.float32), picture.shape[1::-1])
    light = _DIMMED + (1 - _DIMMED) * np.clip(light, 0, 1)
    return np.rint(picture * light[..., None]).astype(np.uint8)


def _coloured(mel: np.ndarray) -> np.ndarray:
    """A mel spectrogram as a picture, high bands above, blue first."""
    import cv2

    floor, ceiling = float(mel.min()), float(mel.max())
    level = (mel[::-1] - floor) / max(1e-6, ceiling - floor)
    return cv2.applyColorMap(np.rint(255 * level).astype(np.uint8), cv2.COLORMAP_CIVIDIS)


def data_uri(picture: np.ndarray, quality: int) -> str:
    """A picture, BGR, as a JPEG in a data URI."""
    import cv2

    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def spread(n: int, wanted: int) -> list[int]:
    """At most `wanted` of `n` things, evenly spread."""
    if n <= wanted:
        return list(range(n))
    return [int((i + 0.5) * n / wanted) for i in range(wanted)]
