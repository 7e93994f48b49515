"""What is said in a film that is labelled: read beside the looking, or anew for a known record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ..dialogue.read import read_subtitles
from ..dialogue.types import Subtitles
from ..errors import MediaError
from ..media.ffmpeg import TIMEOUT
from ..media.probing import probe
from ..media.remote import fetched
from ..media.types import MediaInfo
from ..models.card import ModelCard
from ..models.dialogue import DialogueHead
from ..models.embedding import EmbeddingSpace, parsed, written
from ..models.fusion import STREAMS
from .record import FilmResult
from .verdict import verdict


def subtitles_of(info: MediaInfo, timeout: float = TIMEOUT) -> Subtitles | None:
    """The subtitles of a film; what goes wrong with them is a note, as it costs no film its genres.

    Parameters
    ----------
    info : MediaInfo
    timeout : float
        See `vgenre.read_subtitles`.

    Returns
    -------
    Subtitles or None
        None for a still image.
    """
    if info.is_image:
        return None
    try:
        return read_subtitles(info.path, info=info, timeout=timeout)
    except MediaError as error:
        return Subtitles(notes=(error.reason,))
    except Exception as error:  # files beside films hold anything; picture and sound still count
        return Subtitles(notes=(f"they could not be read: {type(error).__name__}: {error}",))


@contextmanager
def subtitles_coming(
    head: DialogueHead | None, info: MediaInfo, timeout: float = TIMEOUT
) -> Iterator[Callable[[], Subtitles | None]]:
    """Subtitles that are read in a thread, while the caller looks at the film.

    Reading tracks takes the disk, looking takes the processor.

    Parameters
    ----------
    head : DialogueHead or None
        None: they are not read.
    info : MediaInfo
    timeout : float

    Yields
    ------
    callable
        Waits for them and gives them, as `subtitles_of` does.
    """
    if head is None:
        yield lambda: None
        return
    coming: Future[Subtitles | None] = Future()
    # A daemon: whoever interrupts the labelling of a large film does not wait for its tracks.
    reader = threading.Thread(
        target=lambda: coming.set_result(subtitles_of(info, timeout)), daemon=True
    )
    reader.start()
    try:
        yield coming.result
    except Exception:  # the film failed; nothing is to read it any more when that is told
        reader.join()
        raise


def opinion_of(head: DialogueHead | None, subtitles: Subtitles | None) -> dict[str, np.ndarray]:
    """What the dialogue says of a film, by the name of its stream; nothing where it is silent."""
    said = head.opinion(subtitles.cues) if head and subtitles else None
    return {} if said is None else {"dialogue": said}


def label_anew(
    film: FilmResult,
    card: ModelCard,
    head: DialogueHead | None,
    space: EmbeddingSpace | None,
    *,
    timeout: float = TIMEOUT,
) -> FilmResult:
    """A record with the dialogue as it is now; picture and sound are as they were.

    Parameters
    ----------
    film : FilmResult
        As the same model labelled it, with its opinions.
    card : ModelCard
    head : DialogueHead or None
        None: the dialogue is left out.
    space : EmbeddingSpace or None
        Of the record's embedding.
    timeout : float
        See `vgenre.read_subtitles`.

    Returns
    -------
    FilmResult
        An explanation is kept only where there was no dialogue in it, nor is now.
    """
    started = time.perf_counter()
    subtitles = None
    if head:
        try:
            with fetched(film.path) as path:
                subtitles = subtitles_of(probe(path, timeout=timeout), timeout)
        except MediaError as error:  # a store that cannot be reached, for one
            subtitles = Subtitles(notes=(error.reason,))
        except OSError as error:
            subtitles = Subtitles(notes=(error.strerror or str(error),))
    return fused_anew(film, card, head, space, subtitles, seconds=time.perf_counter() - started)


def fused_anew(
    film: FilmResult,
    card: ModelCard,
    head: DialogueHead | None,
    space: EmbeddingSpace | None,
    subtitles: Subtitles | None,
    *,
    seconds: float = 0.0,
) -> FilmResult:
    """A record with other subtitles; see `label_anew`."""
    looked = {stream: np.array(said) for stream, said in film.opinions.items()}
    silent = looked.pop("dialogue", None) is None
    opinions = looked | opinion_of(head, subtitles)
    silent &= "dialogue" not in opinions
    embedding = film.embedding
    if space and embedding is not None:
        cues = subtitles.cues if subtitles else ()
        embedding = written(space.with_dialogue(parsed(embedding, space), cues))
    return replace(
        film,
        **verdict(card, opinions, still=film.duration == 0),
        streams={stream: stream in opinions for stream in STREAMS},
        dialogue=None if subtitles is None else subtitles.to_dict(),
        embedding=embedding,
        explanation=film.explanation if silent else None,
        seconds=seconds,
    )
