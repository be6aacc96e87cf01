"""Files, sockets and asyncio streams that hide values on their way out, and never hand out what they wrap."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from typing import IO, TYPE_CHECKING, Any, NoReturn, Protocol, Self

if TYPE_CHECKING:
    import asyncio

__all__ = ["Hides", "RedactingReader", "RedactingSocket", "RedactingStream", "RedactingWriter"]

_CHUNK = 1 << 16
_JOIN = 2.0  # seconds to wait for what a child still holds open
_Bytes = bytes | bytearray | memoryview


class Feed(Protocol):
    """A redaction stream."""

    def feed(self, chunk: Any, /) -> Any:
        """Take a chunk; return what is certain by now."""

    def close(self, *, truncated: bool = False) -> Any:
        """Return what was held back."""


class Hides(Protocol):
    """What a sink needs of a redactor."""

    def text(self, text: str, /) -> str:
        """Redact a text."""

    def stream(self, mode: Any = "line", /) -> Feed:
        """Open a stream."""


def _refuse(*_: object) -> NoReturn:
    raise io.UnsupportedOperation("this would go round the redactor")


class RedactingStream:
    """A file to write to that hides values, whatever the writes they are split over.

    Text and binary files alike. ``buffer`` and ``fileno()`` lead through the same redactor: what is written to the
    descriptor, by a child process for instance, is read back and redacted in order. The wrapped file is not reachable.

    Args:
        target: The file that receives redacted output.
        redactor: Hides the values.
        mode: ``"line"`` holds the unfinished line back, so that decoded forms are found too; ``"eager"`` holds only
            what may begin a value.
    """

    def __init__(self, target: IO[Any], redactor: Hides, *, mode: str = "line") -> None:
        self.__redactor = redactor
        self.__feed = redactor.stream(mode)
        self.__lock = threading.RLock()
        self.__pump: tuple[int, threading.Thread] | None = None
        self.__binary, self.__encode, self.__sink = _opened(target)
        self.__target = target
        self.__done = False

    def __repr__(self) -> str:
        return f"<RedactingStream {self.name!r}>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a redacting stream cannot be pickled or copied")

    @property
    def name(self) -> str:
        """Name of the file, redacted."""
        return self.__redactor.text(str(getattr(self.__target, "name", "")))

    @property
    def mode(self) -> str:
        """Mode of the file."""
        return str(getattr(self.__target, "mode", "wb" if self.__binary else "w"))

    @property
    def encoding(self) -> str | None:
        """Encoding of a text file."""
        return getattr(self.__target, "encoding", None)

    @property
    def errors(self) -> str | None:
        """Error handler of a text file."""
        return getattr(self.__target, "errors", None)

    @property
    def newlines(self) -> None:
        """Nothing: line ends are not translated."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.__done

    @property
    def buffer(self) -> RedactingStream:
        """The same stream, for bytes."""
        if self.__binary or not self.__encode:
            raise AttributeError("buffer")
        return self

    @property
    def line_buffering(self) -> bool:
        """Whether each line is written at once."""
        return bool(getattr(self.__target, "line_buffering", False))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def writable(self) -> bool:
        """Say yes."""
        return True

    def readable(self) -> bool:
        """Say no."""
        return False

    seekable = readable

    def isatty(self) -> bool:
        """Say whether the file is a terminal."""
        return bool(self.__target.isatty())

    def reconfigure(self, **options: Any) -> None:
        """Change encoding, error handler or buffering of a text file."""
        with self.__lock:
            self.__target.reconfigure(**options)  # type: ignore[attr-defined]
            self.__binary, self.__encode, self.__sink = _opened(self.__target)

    def write(self, chunk: Any) -> int:
        """Write text or bytes; return how much was taken, all of it.

        Raises:
            ValueError: The stream is closed.
            TypeError: Bytes for a text file without buffer, or text for a binary file.
        """
        with self.__lock:
            if self.__done:
                raise ValueError("write to a closed stream")
            self.__put(self.__feed.feed(self.__raw(chunk)))
        return len(chunk)

    def writelines(self, lines: Iterable[Any]) -> None:
        """Write each of *lines*."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush what has been released; what may begin a value stays held back."""
        with self.__lock:
            if not self.__done:
                self.__put(self.__feed.feed(b"" if self.__binary or self.__encode else ""))
                self.__target.flush()

    def release(self, *, truncated: bool = False) -> None:
        """Write out what was held back and take no more; the file itself stays open.

        Args:
            truncated: The source was cut off: hide what may be the greater part of a value.
        """
        self.__drain()
        with self.__lock:
            if not self.__done:
                self.__put(self.__feed.close(truncated=truncated))
                self.__target.flush()
                self.__done = True

    def close(self) -> None:
        """Write out what was held back and close the file."""
        if not self.__done:
            self.release()
            self.__target.close()

    def fileno(self) -> int:
        """Return a descriptor of a pipe that leads through the redactor."""
        with self.__lock:
            if self.__done:
                raise ValueError("fileno of a closed stream")
            if self.__pump is None:
                source, sink = os.pipe()
                reader = threading.Thread(target=self.__read, args=(source,), name="secretref-pump", daemon=True)
                self.__pump = sink, reader
                reader.start()
            return self.__pump[0]

    detach = read = readline = readlines = seek = tell = truncate = _refuse

    def __read(self, source: int) -> None:
        with open(source, "rb", buffering=0) as pipe:
            while chunk := pipe.read(_CHUNK):
                with self.__lock, contextlib.suppress(ValueError):
                    self.__put(
                        self.__feed.feed(chunk if self.__encode or self.__binary else chunk.decode(errors="replace"))
                    )

    def __drain(self) -> None:
        pump, self.__pump = self.__pump, None
        if pump:
            os.close(pump[0])
            pump[1].join(_JOIN)

    def __raw(self, chunk: Any) -> Any:
        if isinstance(chunk, str):
            if self.__binary:
                raise TypeError("a binary stream takes bytes")
            return self.__encode(chunk) if self.__encode else chunk
        if not self.__binary and not self.__encode:
            raise TypeError("a text stream takes text")
        return bytes(chunk)

    def __put(self, out: Any) -> None:
        if out:
            self.__sink(out)
            if self.line_buffering:
                self.__target.flush()


def _opened(target: Any) -> tuple[bool, Callable[[str], bytes] | None, Callable[[Any], None]]:
    """Tell whether a file is binary, how it encodes text if its bytes can be reached, and how to write to it."""
    binary = isinstance(target, io.RawIOBase | io.BufferedIOBase) or "b" in str(getattr(target, "mode", ""))
    buffer = None if binary else getattr(target, "buffer", None)
    if buffer is None:
        return binary, None, lambda out: _write_all(target, out)
    encoding, errors = getattr(target, "encoding", None) or "utf-8", getattr(target, "errors", None) or "strict"

    def encode(text: str) -> bytes:
        return text.replace("\n", os.linesep).encode(encoding, errors)

    def put(out: bytes) -> None:
        target.flush()  # what was written before, by others
        _write_all(buffer, out)

    return binary, encode, put


def _write_all(target: Any, out: Any) -> None:
    """Write everything, also to an unbuffered file that takes only a part."""
    while True:
        written = target.write(out)
        if not isinstance(written, int) or written >= len(out):
            return
        out = out[written:]


class RedactingSocket:
    """A connected stream socket that hides values in what is sent; received data passes as it comes.

    What may begin a value is held back until more is sent, or the sending side is shut down or closed.
    """

    def __init__(self, target: socket.socket, redactor: Hides, *, mode: str = "eager") -> None:
        self.__target = target
        self.__feed = redactor.stream(mode)
        self.__lock = threading.Lock()
        self.__done = False
        self.recv, self.settimeout, self.getpeername = target.recv, target.settimeout, target.getpeername

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sendall(self, data: _Bytes) -> None:
        """Send *data*, redacted."""
        with self.__lock:
            self.__target.sendall(self.__feed.feed(bytes(data)))

    def send(self, data: _Bytes) -> int:
        """Send all of *data*, redacted; return its length."""
        self.sendall(data)
        return len(data)

    def sendmsg(self, buffers: Iterable[_Bytes]) -> int:
        """Send several buffers, redacted as one."""
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        """Send what was held back, then shut down."""
        if how != socket.SHUT_RD:
            self.__finish()
        self.__target.shutdown(how)

    def close(self) -> None:
        """Send what was held back, then close."""
        self.__finish()
        self.__target.close()

    fileno = detach = dup = sendfile = sendto = makefile = _refuse

    def __finish(self) -> None:
        with self.__lock:
            if not self.__done:
                self.__done = True
                with contextlib.suppress(OSError):  # the other side has gone
                    self.__target.sendall(self.__feed.close())


class RedactingWriter:
    """An asyncio ``StreamWriter`` that hides values in what is written."""

    def __init__(self, target: asyncio.StreamWriter, redactor: Hides, *, mode: str = "eager") -> None:
        self.__target = target
        self.__feed = redactor.stream(mode)
        self.__done = False
        self.drain, self.wait_closed, self.is_closing = target.drain, target.wait_closed, target.is_closing

    def write(self, data: _Bytes) -> None:
        """Write *data*, redacted."""
        self.__target.write(self.__feed.feed(bytes(data)))

    def writelines(self, data: Iterable[_Bytes]) -> None:
        """Write each of *data*."""
        for chunk in data:
            self.write(chunk)

    def write_eof(self) -> None:
        """Write what was held back, then close the writing side."""
        self.__finish()
        self.__target.write_eof()

    def close(self) -> None:
        """Write what was held back, then close."""
        self.__finish()
        self.__target.close()

    def __finish(self) -> None:
        if not self.__done:
            self.__done = True
            self.__target.write(self.__feed.close())


class RedactingReader:
    """An asyncio ``StreamReader`` whose data is redacted as it is read, as of a child process."""

    def __init__(self, source: asyncio.StreamReader, redactor: Hides, *, mode: str = "line") -> None:
        self.__source = source
        self.__feed = redactor.stream(mode)
        self.__ready = b""
        self.__done = False

    async def read(self, size: int = -1) -> bytes:
        """Read up to *size* redacted bytes, all if negative; empty at the end."""
        while not self.__done and (size < 0 or not self.__ready):
            await self.__more()
        return self.__take(len(self.__ready) if size < 0 else size)

    async def readline(self) -> bytes:
        """Read a redacted line; empty at the end."""
        while not self.__done and b"\n" not in self.__ready:
            await self.__more()
        return self.__take(self.__ready.find(b"\n") + 1 or len(self.__ready))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line

    def at_eof(self) -> bool:
        """Say whether everything was read."""
        return self.__done and not self.__ready

    async def __more(self) -> None:
        chunk = await self.__source.read(_CHUNK)
        self.__ready += self.__feed.feed(chunk) if chunk else self.__feed.close()
        self.__done = not chunk

    def __take(self, size: int) -> bytes:
        taken, self.__ready = self.__ready[:size], self.__ready[size:]
        return taken
