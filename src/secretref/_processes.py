"""Run a child process whose output passes through a redactor, byte for byte and in order.

Values reach the child by its environment or by files that exist in memory only, never by its arguments. One loop moves
everything: both outputs by pipes, or a terminal of its own; signals go on to the child.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from secretref.errors import InputError

if TYPE_CHECKING:
    from types import FrameType

    from secretref._redactor import Redactor

__all__ = ["CANNOT_RUN", "NOT_FOUND", "run"]

NOT_FOUND, CANNOT_RUN = 127, 126  # as shells have it
_CHUNK = 1 << 16
_GRACE = 2.0  # seconds that grandchildren may go on writing after the child has ended
_POLL = 0.05  # seconds between looks whether the child has ended, when its output stays open
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
_KEYBOARD = frozenset({signal.SIGINT, signal.SIGQUIT})  # a terminal sends them to the child itself


def run(
    command: Sequence[str],
    redactor: Redactor,
    *,
    env: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    terminal: bool = False,
    mode: str = "line",
    grace: float = _GRACE,
) -> int:
    """Run *command* with the standard streams of this process; return its exit code, 128 + n for signal n.

    Args:
        command: Program and arguments; there is no shell.
        redactor: Hides values in both outputs.
        env: What the environment of the child holds in addition.
        files: Contents by environment variable: the variable will hold the path of a file with it.
        terminal: Give the child a terminal of its own for all three streams, as interactive programs want.
        mode: How much of its output is held back, as in ``Redactor.stream``.
        grace: How long the output is read on after the child has ended while others hold it open, in seconds. What
            is held back then is treated as cut off, like the output of a child that was killed.

    Raises:
        InputError: A value or argument cannot be passed, as it holds a NUL character.
    """
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(_memory_file(content)) for name, content in (files or {}).items()}
        paths = {name: f"/dev/fd/{place}" for name, place in places.items()}
        environment = {**os.environ, **(env or {}), **paths}
        if any("\0" in text for text in (*command, *environment, *environment.values())):
            raise InputError("a NUL character cannot be passed to a process")
        link = _terminal() if terminal else _pipes()
        stack.callback(link.close)
        signals = stack.enter_context(_Forwarding(link.terminal))
        try:
            child = subprocess.Popen(  # noqa: S603 - to run what it is told is its work
                command, env=environment, pass_fds=tuple(places.values()), **link.options
            )
        except OSError as error:
            fault = NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        else:
            link.started()
            signals.to(child)
            return _code(_Pump(child, link, redactor, mode, grace).finish())
    return fault


def _code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


@contextlib.contextmanager
def _memory_file(content: bytes) -> Iterator[int]:
    """Open a file that has no name on any disk."""
    place = os.memfd_create("secretref", 0)
    try:
        with open(os.dup(place), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(content)
        os.lseek(place, 0, os.SEEK_SET)
        yield place
    finally:
        os.close(place)


@dataclass(slots=True)
class _Link:
    """How the child's streams are connected.

    Attributes:
        outputs: Descriptors to read from, each with the one it is written to.
        theirs: The child's ends, which are closed here once it has started.
        options: For ``Popen``.
        terminal: The side of the child's terminal that is ours, if it has one.
        restore: Gives our own terminal back.
    """

    outputs: dict[int, int]
    theirs: list[int]
    options: dict[str, Any]
    terminal: int | None = None
    restore: Callable[[], None] = lambda: None

    def started(self) -> None:
        for place in self.theirs:
            os.close(place)
        self.theirs.clear()

    def close(self) -> None:
        self.started()
        self.restore()
        for place in self.outputs:
            os.close(place)
        self.outputs.clear()


def _pipes() -> _Link:
    out, their_out = os.pipe()
    err, their_err = os.pipe()
    return _Link({out: 1, err: 2}, [their_out, their_err], {"stdout": their_out, "stderr": their_err})


def _terminal() -> _Link:
    """Open a terminal for the child, as wide as ours, and let every key through to it."""
    import termios  # noqa: PLC0415 - not on every system
    import tty  # noqa: PLC0415

    ours, theirs = os.openpty()
    link = _Link({ours: 1}, [theirs], {"preexec_fn": lambda: os.login_tty(theirs)}, ours)
    _resize(ours)
    if os.isatty(0):
        before = termios.tcgetattr(0)
        link.restore = lambda: termios.tcsetattr(0, termios.TCSADRAIN, before)
        tty.setraw(0, termios.TCSADRAIN)  # what was typed already counts
    return link


def _resize(terminal: int) -> None:
    import fcntl  # noqa: PLC0415 - not on every system
    import termios  # noqa: PLC0415

    with contextlib.suppress(OSError):  # ours is no terminal
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))


class _Forwarding:
    """Sends the child every signal that is sent to us, also one that came before it began."""

    def __init__(self, terminal: int | None) -> None:
        self.terminal = terminal
        self.child: subprocess.Popen[bytes] | None = None
        self.early: list[int] = []
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for name in _FORWARDED:
            number = getattr(signal, name)
            self.before[number] = signal.signal(number, self.forward)
        if self.terminal is not None:
            self.before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self.forward)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def to(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        for number in self.early:
            child.send_signal(number)

    def forward(self, number: int, _frame: FrameType | None) -> None:
        if self.terminal is not None and number == signal.SIGWINCH:
            _resize(self.terminal)
        elif self.terminal is None and number in _KEYBOARD and os.isatty(0):
            return  # the terminal sends it to the child as well
        elif self.child is None:
            self.early.append(number)
        else:
            self.child.send_signal(number)


class _Pump:
    """Moves what the child writes to our outputs, and in a terminal what we read to the child."""

    def __init__(
        self, child: subprocess.Popen[bytes], link: _Link, redactor: Redactor, mode: Any, grace: float
    ) -> None:
        self.child, self.link, self.grace = child, link, grace
        self.streams = {source: redactor.stream(mode) for source in link.outputs}
        self.open = set(link.outputs)
        self.selector = selectors.DefaultSelector()
        for source in link.outputs:
            self.selector.register(source, selectors.EVENT_READ)
        if link.terminal is not None:
            with contextlib.suppress(
                PermissionError, ValueError, OSError
            ):  # a regular file is always ready: read below
                self.selector.register(0, selectors.EVENT_READ, link.terminal)

    def finish(self) -> int:
        """Move everything until the child and its outputs have ended; return its return code."""
        deadline: float | None = None
        while self.open and (deadline is None or time.monotonic() < deadline):
            for key, _ in self.selector.select(_POLL):
                if key.fd == 0:
                    self.type(os.read(0, _CHUNK), key.data)
                else:
                    self.move(key.fd)
            if deadline is None and self.child.poll() is not None:
                deadline = time.monotonic() + self.grace
        cut = bool(self.open)
        returncode = self.child.wait()
        for source, stream in self.streams.items():
            rest: Any = stream.close(truncated=cut or returncode < 0)
            self.put(source, rest)
        self.selector.close()
        return returncode

    def type(self, keys: bytes, terminal: int) -> None:
        """Pass keys on; the end of our input is the end of the child's."""
        if not keys:
            self.selector.unregister(0)
        _write(terminal, keys or b"\x04")

    def move(self, source: int) -> None:
        try:
            chunk = os.read(source, _CHUNK)
        except OSError:  # how a terminal ends
            chunk = b""
        if chunk:
            self.put(source, self.streams[source].feed(chunk))
        else:
            self.selector.unregister(source)
            self.open.discard(source)

    def put(self, source: int, out: bytes | str) -> None:
        """Write out; when nobody reads any more, let the child find that out."""
        try:
            _write(self.link.outputs[source], out if isinstance(out, bytes) else out.encode())
        except BrokenPipeError:
            if source in self.open:
                self.selector.unregister(source)
                self.open.discard(source)
                os.dup2(os.open(os.devnull, os.O_RDONLY), source)


def _write(place: int, data: bytes) -> None:
    while data:
        data = data[os.write(place, data) :]
