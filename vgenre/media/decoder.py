"""One running FFmpeg that writes several streams: pipes, threads, timeout, end.

FFmpeg writes pictures and sound at its own pace. Were one pipe read while the
other is full, both programs would wait for each other for ever; so each pipe has
a thread that empties it into a bounded buffer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType

import numpy as np

from ..errors import FFmpegNotFoundError, MediaTimeoutError

_CHUNK_BYTES = 1 << 18  # taken from a pipe at once
_MOST_BUFFERED_BYTES = 1 << 26  # a stream, a minute of picture; FFmpeg waits when it is full
_POLL_SECONDS = 0.2  # between looks at what goes on elsewhere
_FIRST_GAP_POLLS = 5  # looks at a standstill before the first gap is taken for one
_KEPT_MESSAGE_BYTES = 16_384  # of what FFmpeg says, its end


@contextlib.contextmanager
def starting(program: str) -> Iterator[None]:
    """Say of a program that cannot be run that it, and not a film, is the trouble.

    Parameters
    ----------
    program : str
        Path of FFmpeg.

    Raises
    ------
    FFmpegNotFoundError
        In place of an `OSError` that is about the program.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            raise  # no memory or no descriptors: that may pass
        raise FFmpegNotFoundError(
            f"{program} cannot be run ({error.strerror}); install FFmpeg for this machine, "
            "or name the program in VGENRE_FFMPEG"
        ) from None


class Pipe:
    """One stream that FFmpeg writes, read by a thread of its own.

    Attributes
    ----------
    fd : int
        The end that FFmpeg writes to.
    ended : bool
        Whether all that FFmpeg wrote has been read, and no more will come.

    Notes
    -----
    A stream can have a gap: sound that begins late, a picture that ends early. FFmpeg does
    not say so; it simply writes the other stream until that one's buffer is full. Then both
    would wait for ever, FFmpeg for the reader and the reader for this stream. So the reader
    gives up on what is missing, and goes on behind it::

        time     0 s        10 s       20 s       30 s
        picture  [ read 1 ] [ read 2 ] [ read 3 ] ...
        sound    ~~~~~~~~~~ ~~~~~~~~~~ ~~~~[ sound begins ]
                 given up   given up   FFmpeg now writes 24 s of silence and then sound:
                                       the first 20 s of it (missing_bytes) are thrown away

    Each array that could not be filled adds to `missing_bytes`; bytes that come later are
    thrown away until none are missing, so that what follows stands at its right time. A
    standstill counts as a gap after `polls_before_gap` looks: some at the first time, in
    case FFmpeg is only slow, and one from then on, as the other buffer is known to be full.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._read_end, self.fd = os.pipe()
        self._started = False
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._changed = threading.Condition()
        self._unread = memoryview(b"")  # the rest of the chunk that is being read
        self.ended = False
        self._missing_bytes = 0
        self._polls_before_gap = _FIRST_GAP_POLLS

    def start(self) -> None:
        """Begin to read; FFmpeg has its copy of the other end by now."""
        self._started = True
        os.close(self.fd)
        threading.Thread(target=self._empty, daemon=True).start()

    def close(self) -> None:
        """Give up both ends, if nothing has been started that does so itself."""
        if not self._started:
            self._started = True
            os.close(self.fd)
            os.close(self._read_end)

    @property
    def full(self) -> bool:
        """Whether FFmpeg has to wait for this stream's reader."""
        return self._buffered_bytes >= _MOST_BUFFERED_BYTES

    def _empty(self) -> None:
        with open(self._read_end, "rb", buffering=0) as stream:
            chunk = b"-"
            while chunk and not self._decoder.closed:
                chunk = stream.read(_CHUNK_BYTES)
                with self._changed:
                    self._chunks.append(chunk)
                    self._buffered_bytes += len(chunk)
                    self._changed.notify_all()
                    while self.full and not self._decoder.closed:
                        self._changed.wait(_POLL_SECONDS)

    def read_into(self, array: np.ndarray) -> int:
        """Fill a contiguous array from the stream.

        In a gap the array stays unfilled, and the next read goes on behind it.

        Parameters
        ----------
        array : ndarray
            Any shape and dtype.

        Returns
        -------
        int
            Bytes written; fewer than the array holds in a gap and at the end.

        Raises
        ------
        MediaTimeoutError
            If FFmpeg gives nothing for too long.
        """
        target = memoryview(array.reshape(-1).view(np.uint8).data)
        done = 0
        while done < len(target):
            if not self._unread and not self._next_chunk():
                self._missing_bytes += len(target) - done
                break
            part = self._unread[: len(target) - done]
            target[done : done + len(part)] = part
            self._unread = self._unread[len(part) :]
            done += len(part)
        return done

    def skip(self, count: int) -> None:
        """Throw away bytes that have not come yet."""
        self._missing_bytes += count

    def _next_chunk(self) -> bool:
        """Get bytes to read; False in a gap and at the end."""
        deadline = time.monotonic() + self._decoder.timeout
        polls_at_standstill = 0
        while not self.ended:
            with self._changed:
                if not self._chunks:
                    self._changed.wait(_POLL_SECONDS)
                chunk = self._chunks.popleft() if self._chunks else None
                self._buffered_bytes -= len(chunk or b"")
                self._changed.notify_all()
            if chunk is not None:
                deadline = time.monotonic() + self._decoder.timeout
                self.ended = not chunk  # a pipe says its end by an empty read
                too_late = min(self._missing_bytes, len(chunk))
                self._missing_bytes -= too_late
                self._unread = memoryview(chunk)[too_late:]
                if self._unread:
                    return True
            elif time.monotonic() > deadline:
                raise MediaTimeoutError(
                    self._decoder.path,
                    f"FFmpeg gave nothing for {self._decoder.timeout:g} s and was stopped; "
                    "the file is damaged, or its disk is stuck",
                )
            elif not self._decoder.others_full(self):
                polls_at_standstill = 0
            else:
                polls_at_standstill += 1
                if polls_at_standstill >= self._polls_before_gap:
                    self._polls_before_gap = 1
                    return False
        return False


class Decoder:
    """A running FFmpeg; as a context manager it leaves no process behind.

    Parameters
    ----------
    path : str
        The film, for error messages.
    timeout : float
        Seconds that FFmpeg may go without giving anything.

    Attributes
    ----------
    closed : bool
        Whether nobody reads any more.
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path, self.timeout, self.closed = path, timeout, False
        self._pipes: list[Pipe] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = b""
        self._listener: threading.Thread | None = None

    def open_pipe(self) -> Pipe:
        """Make a pipe for FFmpeg to write to; its `fd` goes into FFmpeg's arguments."""
        self._pipes.append(Pipe(self))
        return self._pipes[-1]

    def others_full(self, pipe: Pipe) -> bool:
        """Whether FFmpeg waits for another stream than `pipe` to be read."""
        return any(other.full for other in self._pipes if other is not pipe)

    def run(self, argv: list[str]) -> None:
        """Start FFmpeg.

        Raises
        ------
        FFmpegNotFoundError
            If the program cannot be run.
        """
        with starting(argv[0]):
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[pipe.fd for pipe in self._pipes],
            )
        for pipe in self._pipes:
            pipe.start()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        for line in self._process.stderr:
            self._stderr = (self._stderr + line)[-_KEPT_MESSAGE_BYTES:]

    @property
    def messages(self) -> str:
        """The end of what FFmpeg said."""
        if self._listener:
            self._listener.join(1)
        return self._stderr.decode("utf-8", "replace")

    def wait(self) -> int:
        """Wait for FFmpeg's exit status.

        Raises
        ------
        MediaTimeoutError
            If it does not end.
        """
        assert self._process is not None
        try:
            return self._process.wait(self.timeout)
        except subprocess.TimeoutExpired:
            raise MediaTimeoutError(self.path, "FFmpeg did not end and was stopped") from None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed = True
        for pipe in self._pipes:
            pipe.close()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._listener:
            self._listener.join()
        if self._process.stderr:
            self._process.stderr.close()
