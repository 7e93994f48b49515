"""Small pictures of a clip, for reports: a frame and the sound under it."""

from __future__ import annotations

import base64

import numpy as np

from .media import Clip, MediaInfo

_WIDTH, _MEL_HEIGHT, _FRAME_HEIGHT = 112, 32, 200  # pixels
_QUALITY = 60
_STRIP = 6  # frames
_DIMMED = 0.25  # brightness of what does not matter


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
        size = (_WIDTH, _MEL_HEIGHT)
        picture = cv2.resize(_coloured(mel), size, interpolation=cv2.INTER_AREA)
        pictures["mel"] = _data_uri(picture)
    return pictures


def clip_html(clip: Clip) -> str:
    """A clip for Jupyter: where it is, a strip of frames, the sound to play."""
    import io

    import soundfile

    parts = [f"{clip.start:g} s, {clip.seconds:g} s long: {clip.frame_count} frames"]
    if clip.has_picture:
        chosen = spread(clip.frame_count, _STRIP)
        strip = np.concatenate([clip.frames[i][::2, ::2] for i in chosen], axis=1)
        parts.append(f'<br><img alt="frames of the clip" src="{_data_uri(strip[..., ::-1])}">')
    if clip.has_sound:
        sink = io.BytesIO()
        samples = clip.waveform[: clip.sample_count]
        soundfile.write(sink, samples, clip.sample_rate, format="OGG", subtype="VORBIS")
        sound = base64.b64encode(sink.getvalue()).decode()
        parts.append(f'<br><audio controls src="data:audio/ogg;base64,{sound}"></audio>')
    return "".join(parts)


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
        The shape in which it is shown: its width, of its height.
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
        size = (round(_FRAME_HEIGHT * min(aspect, 3)), _FRAME_HEIGHT)
        picture = cv2.resize(highlighted(frame, frame_map), size, interpolation=cv2.INTER_AREA)
        pictures["frame"] = _data_uri(picture[..., ::-1])
    if mel is not None and mel_map is not None:
        picture = cv2.resize(_coloured(mel), (2 * _WIDTH, 3 * _MEL_HEIGHT))
        pictures["mel"] = _data_uri(highlighted(picture, mel_map[::-1]))
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


def _data_uri(picture: np.ndarray) -> str:
    import cv2

    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def spread(n: int, wanted: int) -> list[int]:
    """At most `wanted` of `n` things, evenly spread."""
    if n <= wanted:
        return list(range(n))
    return [int((i + 0.5) * n / wanted) for i in range(wanted)]
