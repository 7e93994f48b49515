"""Features of films on disk, computed once, here or on a cluster."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engines.choose import has_gpu
from ..errors import MediaError
from ..labelling.padding import frame_masks, padded
from ..media.probing import probe
from ..media.remote import fetched, place_of, state_of
from ..media.sampling import Sampling
from ..models.store import file_hash
from ..output.atomic import atomic
from ..sound import MelSettings, heard_clips
from .arrays import GrowingArray
from .features import ClipFeatures, FeatureExtractor, readable
from .items import Item
from .stages import READING, code_version

if TYPE_CHECKING:
    import keras

    from ..models.card import Architecture

log = logging.getLogger(__name__)

CACHE_LIMIT = 20_000_000_000
"""Bytes that a cache may hold; what was not used for longest goes first."""


def default_cache() -> Path:
    """Where features are kept unless another folder is named."""
    import platformdirs

    return platformdirs.user_cache_path("vgenre") / "features"


def entries(directory: Path) -> list[tuple[Path, os.stat_result]]:
    """The entries of a cache, the one not used for longest first."""
    found = []
    for path in directory.glob("??/*.npz"):
        with contextlib.suppress(OSError):  # another run removed it
            found.append((path, path.stat()))
    return sorted(found, key=lambda entry: entry[1].st_mtime_ns)


def shrink(directory: Path, limit: int, *, keep: Collection[Path] = ()) -> int:
    """Remove entries until a cache holds no more than `limit` bytes.

    Parameters
    ----------
    directory : Path
    limit : int
        Bytes.
    keep : collection of Path
        Entries that stay even if the cache remains larger than that.

    Returns
    -------
    int
        How many were removed.
    """
    found = entries(directory)
    size = sum(stat.st_size for _, stat in found)
    removed = 0
    for path, stat in found:
        if size <= limit:
            break
        if path in keep:
            continue
        path.unlink(missing_ok=True)
        size -= stat.st_size
        removed += 1
    return removed


class FeatureCache:
    """Features on disk, keyed by the file and by all that they depend on.

    A file that changed (size or time of change), another body, other mel
    settings, another sampling and another way to read films are computed anew; so is a
    damaged entry.

    Parameters
    ----------
    directory : path
    extractor : FeatureExtractor
    body : str
        Identifies the body's weights and precision.
    mel : MelSettings
    sampling : Sampling
    limit : int
        Bytes that it may hold once a data set is collected; more if the data set itself
        takes more.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        extractor: FeatureExtractor,
        body: str,
        *,
        mel: MelSettings,
        sampling: Sampling,
        limit: int = CACHE_LIMIT,
    ) -> None:
        self.directory, self._limit = Path(directory), limit
        self.directory.mkdir(parents=True, exist_ok=True)
        self._extractor, self._mel, self._sampling = extractor, mel, sampling
        self._settings = {
            "body": body,
            "mel": mel.to_dict(),
            "sampling": str(sampling),
            "code": code_version(*READING),
        }
        self._used: set[Path] = set()

    def entry(self, path: str) -> Path:
        """The file in the cache that belongs to a media file."""
        key = [place_of(path), *state_of(path), self._settings]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self.directory / digest[:2] / f"{digest[2:40]}.npz"

    def get(self, path: str) -> ClipFeatures:
        """Features of a media file, computed where they are not there.

        Raises
        ------
        MediaError
            If the file cannot be read.
        """
        try:
            entry = self.entry(path)
        except OSError as error:
            raise MediaError(path, error.strerror or str(error)) from None
        self._used.add(entry)
        try:
            with np.load(entry, allow_pickle=False) as stored:
                found = ClipFeatures(**stored)
            os.utime(entry)  # used now
            return found
        except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile):
            pass  # not there, or damaged
        with fetched(path) as file:
            made = self._extract(file)
        entry.parent.mkdir(exist_ok=True)
        with atomic(entry) as sink:
            # Most of what a still image or a short clip has is padding.
            np.savez_compressed(sink, **{f.name: getattr(made, f.name) for f in fields(made)})
        return made

    def _extract(self, path: str) -> ClipFeatures:
        info = probe(path)
        parts = []
        for clip, sound in heard_clips(info, self._sampling, self._mel):
            found = self._extractor.features(clip.frames[: clip.frame_count])
            heard = sound.result()
            parts.append(
                ClipFeatures(
                    padded(found, np.float16)[None],
                    frame_masks([clip.frame_count]),
                    heard.mel[None].astype(np.float16),
                    heard.mask[None],
                    np.array([clip.seconds], np.float32),
                )
            )
        if not parts:
            raise MediaError(path, "nothing could be decoded")
        return ClipFeatures.join(parts)

    def collect(
        self,
        items: Sequence[Item],
        folder: Path,
        *,
        progress: Callable[[int, int], None] | None = None,
        skipped: Callable[[MediaError], None] | None = None,
    ) -> tuple[ClipFeatures, np.ndarray]:
        """Features of a whole data set, in one file a kind; they are read from there.

        Parameters
        ----------
        items : sequence of Item
        folder : Path
            For the files. What lies there from another time is replaced.
        progress : callable, optional
            Is told the number of files done and of all.
        skipped : callable, optional
            Is told of each file that cannot be read; without it that is an error.

        Returns
        -------
        clips : ClipFeatures
            Features and mels are memory maps.
        owners : ndarray of int, shape (n_clips,)
            Index into `items`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        names = [f.name for f in fields(ClipFeatures)]
        owners: list[int] = []
        with contextlib.ExitStack() as stack:
            files = {
                name: stack.enter_context(GrowingArray(folder / f"{name}.npy")) for name in names
            }
            for i, found in readable(items, self.get, progress, skipped):
                for name, file in files.items():
                    file.append(getattr(found, name))
                owners += [i] * len(found)
        shrink(self.directory, self._limit, keep=self._used)
        if (size := sum(stat.st_size for _, stat in entries(self.directory))) > self._limit:
            log.warning(
                "the cache in %s holds %.1f GB, more than its limit of %.1f GB, as this data set "
                "takes so much; vgenre cache --limit makes room afterwards",
                self.directory,
                size / 1e9,
                self._limit / 1e9,
            )
        mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
        for name in ("frame_mask", "mel_mask", "seconds"):  # small, and often looked at
            mapped[name] = np.array(mapped[name])
        return ClipFeatures(**mapped), np.array(owners)


def feature_engine(
    network: keras.Model, body_hash: str, graph: Path | None = None
) -> tuple[FeatureExtractor, str]:
    """What computes features of a body fastest here, and the name they are kept under.

    Parameters
    ----------
    network : keras.Model
        The body.
    body_hash : str
        Identifies its weights.
    graph : Path, optional
        Its graph as the model has it that labels with this body. Several times as fast where it
        is of 8 bits, and what is learnt from is what labelling sees.

    Returns
    -------
    engine : FeatureExtractor
        TensorFlow where it has a GPU, else OpenVINO.
    name : str
        Of the weights, the engine and its precision: features of two are not mixed. OpenVINO
        would take bf16 on some CPUs unless it were told, so that the nodes of a cluster with
        one cache would differ.
    """
    if has_gpu():
        from ..engines.tensorflow import TensorFlowEngine

        engine: FeatureExtractor = TensorFlowEngine(network)
        return engine, f"{body_hash} tensorflow"
    from ..engines.export import body_graph
    from ..engines.openvino import OpenVINOEngine, read_graph

    if graph:
        name = f"{file_hash(graph.with_suffix('.bin'))} openvino graph"
        return OpenVINOEngine(read_graph(graph)), name
    return OpenVINOEngine(body_graph(network), precision="f32"), f"{body_hash} openvino f32"


@dataclass(frozen=True)
class Extraction:
    """The job of ``vgenre train``: features into a cache that every node can write.

    Parameters
    ----------
    architecture : Architecture
    body : str
        The body's weights file.
    cache : str
        The cache's folder.
    mel : MelSettings
    sampling : Sampling
    graph : str or None
        As for `feature_engine`.
    """

    architecture: Architecture
    body: str
    cache: str
    mel: MelSettings
    sampling: Sampling
    graph: str | None = None

    def load(self) -> Callable[[str], str | None]:
        """A function that puts a film's features into the cache, and says what went wrong."""
        from ..models.build import body_of
        from ..models.store import load_weights

        network = body_of(self.architecture)
        load_weights(network, Path(self.body))
        graph = Path(self.graph) if self.graph else None
        engine, name = feature_engine(network, file_hash(Path(self.body)), graph)
        cache = FeatureCache(self.cache, engine, name, mel=self.mel, sampling=self.sampling)

        def put(film: str) -> str | None:
            try:
                cache.get(film)
            except MediaError as error:
                return str(error)
            return None

        return put
