"""One running FFmpeg that writes several streams: pipes, threads, timeout, end.

FFmpeg writes pictures and sound at its own pace. Were one pipe read while the
other is full, both programs would wait for each other for ever; so each pipe has
a thread that empties it into a bounded buffer.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import deque
from types import TracebackType

import numpy as np

from ..errors import MediaTimeoutError

_CHUNK = 1 << 18  # bytes taken from a pipe at once
_BUFFERED = 1 << 26  # bytes a stream, a minute of picture; FFmpeg waits when it is full
_LOOK = 0.2  # seconds between looks at what goes on elsewhere
_MESSAGES = 16_384  # bytes of FFmpeg's messages that are kept


class Pipe:
    """One stream that FFmpeg writes, read by a thread of its own."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._read_end, self.fd = os.pipe()
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._changed = threading.Condition()
        self._rest = memoryview(b"")
        self._ended = False
        self._owed = 0  # bytes given up waiting for; thrown away should they come
        self._patience = 5  # looks at a standstill before giving up

    def start(self) -> None:
        """Begin to read; FFmpeg has its copy of the other end by now."""
        os.close(self.fd)
        threading.Thread(target=self._empty, daemon=True).start()

    @property
    def full(self) -> bool:
        """Whether FFmpeg has to wait for this stream's reader."""
        return self._buffered >= _BUFFERED

    def _empty(self) -> None:
        with open(self._read_end, "rb", buffering=0) as stream:
            chunk = b"-"
            while chunk and not self._decoder.closed:
                chunk = stream.read(_CHUNK)
                with self._changed:
                    self._chunks.append(chunk)
                    self._buffered += len(chunk)
                    self._changed.notify_all()
                    while self.full and not self._decoder.closed:
                        self._changed.wait(_LOOK)

    def read_into(self, array: np.ndarray) -> int:
        """Fill a contiguous array from the stream.

        A stream may begin late or end early, which FFmpeg tells only when it
        comes to its next packet or the end of the film. While another stream is
        so far ahead that FFmpeg waits for it to be read, this one has a gap: the
        array stays unfilled, and the next read goes on behind it.

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
            if not self._rest and not self._next_chunk():
                self._owed += len(target) - done
                break
            part = self._rest[: len(target) - done]
            target[done : done + len(part)] = part
            self._rest = self._rest[len(part) :]
            done += len(part)
        return done

    def _next_chunk(self) -> bool:
        deadline = time.monotonic() + self._decoder.timeout
        standstill = 0
        while not self._ended:
            with self._changed:
                if not self._chunks:
                    self._changed.wait(_LOOK)
                chunk = self._chunks.popleft() if self._chunks else None
                self._buffered -= len(chunk or b"")
                self._changed.notify_all()
            if chunk is not None:
                deadline = time.monotonic() + self._decoder.timeout
                self._ended = not chunk
                skipped = min(self._owed, len(chunk))
                self._owed -= skipped
                self._rest = memoryview(chunk)[skipped:]
                if self._rest:
                    return True
            elif time.monotonic() > deadline:
                raise MediaTimeoutError(
                    self._decoder.path,
                    f"FFmpeg gave nothing for {self._decoder.timeout:g} s and was stopped; "
                    "the file is damaged, or its disk is stuck",
                )
            else:
                standstill = standstill + 1 if self._decoder.others_full(self) else 0
                if standstill >= self._patience:
                    self._patience = 1  # the next look at the same gap can be short
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
    """

    def __init__(self, path: str, timeout: float) -> None:
        self.path, self.timeout, self.closed = path, timeout, False
        self._pipes: list[Pipe] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = b""
        self._listener: threading.Thread | None = None

    def open_pipe(self) -> Pipe:
        """A pipe for FFmpeg to write to; its `fd` goes into FFmpeg's arguments."""
        self._pipes.append(Pipe(self))
        return self._pipes[-1]

    def others_full(self, pipe: Pipe) -> bool:
        """Whether FFmpeg waits for another stream than `pipe` to be read."""
        return any(other.full for other in self._pipes if other is not pipe)

    def run(self, argv: list[str]) -> None:
        """Start FFmpeg."""
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
            self._stderr = (self._stderr + line)[-_MESSAGES:]

    @property
    def messages(self) -> str:
        """What FFmpeg said, the end of it."""
        if self._listener:
            self._listener.join(1)
        return self._stderr.decode("utf-8", "replace")

    def wait(self) -> int:
        """FFmpeg's exit status.

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
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._listener:
            self._listener.join()
        if self._process.stderr:
            self._process.stderr.close()
