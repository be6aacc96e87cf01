"""Run a program: ``pass``, ``gopass``, ``op``, ``bw``, ``sops`` and whatever else prints a secret."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import IO, TYPE_CHECKING, ClassVar, TypeVar, cast

from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import is_name
from secretref.providers._ask import seconds_left
from secretref.providers._settings import check_counts, check_seconds
from secretref.providers.files import MAX_BYTES, Refused, kind_of, parse_json, texts, without_newline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from secretref.providers import ProviderURL

__all__ = ["ProgramProvider"]

_T = TypeVar("_T")
_ONE, _ALL = "{name}", "{names}"
_TIMED_OUT = "timeout"
_MOMENT = 0.05  # seconds between two looks whether anybody still waits
_FAULTS = (OSError, ValueError, RecursionError, Refused)


@dataclass(frozen=True, slots=True)
class _Until:
    """How long a program may run; to iterate over it is to be told how long to wait until the next look.

    Attributes:
        end: On the monotonic clock.
        unwanted: Set when nobody waits any more.
    """

    end: float
    unwanted: Event

    def __iter__(self) -> Iterator[float]:
        while not self.unwanted.is_set() and (left := self.end - time.monotonic()) > 0:
            yield min(left, _MOMENT)


@dataclass(frozen=True, slots=True)
class ProgramProvider:
    """A program prints the value, and nothing else, on its standard output.

    There is no shell. With ``{name}`` in an argument the program is run once for each name, several at a time, and
    its output is the value. With ``{names}`` it is run once; the names are put there as a JSON list, and the output
    is a JSON object from names to values. A name that would begin an argument with a dash is not found, so that it
    cannot pass for an option. Standard input is empty and standard error is dropped: it often quotes what it reads.

    Args:
        arguments: The program and its arguments, ``{name}`` or ``{names}`` in at least one of them.
        timeout: For a whole fetch, in seconds. Then, or when whoever asks waits no longer, the program is killed with
            all it has started.
        missing_codes: Exit codes that mean "there is no such secret"; any other but 0 is a failure.
        strip_newline: Take away one final line end of the output. Does not touch values in JSON.
        max_bytes: The longest output accepted.
        parallel: How many programs run at a time.

    Raises:
        ConfigurationError: No argument, or not exactly one of ``{name}`` and ``{names}``, takes the name; or an
            argument cannot be used.
    """

    arguments: tuple[str, ...] = field(repr=False)  # some programs take their own credentials there
    timeout: float = 10.0
    missing_codes: frozenset[int] = frozenset()
    strip_newline: bool = True
    max_bytes: int = MAX_BYTES
    parallel: int = 4
    name: ClassVar[str] = "program"

    def __post_init__(self) -> None:
        check_seconds(self.name, timeout=self.timeout)
        check_counts(self.name, max_bytes=self.max_bytes, parallel=self.parallel)
        object.__setattr__(self, "arguments", _tuple_of(str, self.arguments))
        object.__setattr__(self, "missing_codes", frozenset(_tuple_of(int, self.missing_codes)))
        one, many = (any(mark in argument for argument in self.arguments[1:]) for mark in (_ONE, _ALL))
        if one == many:
            raise ConfigurationError(f"provider program: arguments must hold {_ONE} or {_ALL}, and not both")

    @classmethod
    def from_url(cls, url: ProviderURL) -> ProgramProvider:
        """Build it from ``program:///usr/bin/pass?arg=show&arg={name}&missing_code=1``, one ``arg`` an argument."""
        codes = [int(code) if code.isdecimal() else 0 for code in map(str, url.take_all("missing_code"))]
        if not all(0 < code < 256 for code in codes):  # a byte
            raise ConfigurationError("provider program: option missing_code must be 1 to 255")
        return cls(
            (url.path(), *url.texts("arg")),
            timeout=url.number("timeout", 10.0),
            missing_codes=frozenset(codes),
            strip_newline=url.flag("strip_newline", default=True),
            max_bytes=url.whole("max_bytes", MAX_BYTES),
            parallel=url.whole("parallel", 4),
        )

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Run the program and return what it printed.

        Raises:
            ProviderUnavailableError: It took too long and was killed.
            ProviderError: It could not be started, failed, printed too much, or printed what is no value.
        """
        return self._fetched(names, Event())

    async def afetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Fetch without blocking the event loop; who is cancelled leaves no program behind. See ``fetch``."""
        import asyncio  # noqa: PLC0415 - slow to import, and whoever awaits has it

        unwanted = Event()
        running = asyncio.ensure_future(asyncio.to_thread(self._fetched, names, unwanted))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            unwanted.set()
            with suppress(ProviderError):
                await running
            raise

    def _fetched(self, names: frozenset[str], unwanted: Event) -> dict[str, SecretStr]:
        """Fetch until *unwanted* is set."""
        until = _Until(time.monotonic() + seconds_left(self.timeout), unwanted)
        fit = sorted(name for name in names if is_name(name))
        if not fit:
            return {}
        batch = any(_ALL in argument for argument in self.arguments)
        values, faults = self._all(fit, until) if batch else self._each(fit, until)
        if faults:
            kind = next(iter(faults.values()))
            error = ProviderUnavailableError if kind == _TIMED_OUT else ProviderError
            raise error(self.name, kind=kind, names=faults)
        return values

    def _all(self, names: list[str], until: _Until) -> tuple[dict[str, SecretStr], dict[str, str]]:
        """Ask for *names* at once; return the values, and the faults by name."""
        try:
            output = self._output(_ALL, json.dumps(names), until)
            values, odd = texts({} if output is None else parse_json(output), names)
        except _FAULTS as error:
            return {}, dict.fromkeys(names, kind_of(error))
        return values, dict.fromkeys(odd, "not text")

    def _each(self, names: Iterable[str], until: _Until) -> tuple[dict[str, SecretStr], dict[str, str]]:
        """Ask for each of *names*; return the values, and the faults by name."""
        values: dict[str, SecretStr] = {}
        faults: dict[str, str] = {}

        def one(name: str) -> None:
            try:
                output = self._output(_ONE, name, until)
            except _FAULTS as error:
                faults[name] = kind_of(error)
            else:
                if output is not None:
                    values[name] = SecretStr(without_newline(output) if self.strip_newline else output)

        able = [name for name in names if not (name.startswith("-") and self._leads(_ONE))]
        with ThreadPoolExecutor(self.parallel) as pool:
            try:
                list(pool.map(one, able))
            except BaseException:
                until.unwanted.set()
                raise
        return values, dict(sorted(faults.items()))

    def _leads(self, mark: str) -> bool:
        return any(argument.startswith(mark) for argument in self.arguments)

    def _output(self, mark: str, text: str, until: _Until) -> str | None:
        """Run the program with *text* in place of *mark*; return its output, or None for "no such secret"."""
        if next(iter(until), None) is None:
            raise Refused(_TIMED_OUT)
        arguments = [self.arguments[0], *(argument.replace(mark, text) for argument in self.arguments[1:])]
        with subprocess.Popen(  # noqa: S603 - a list of arguments from the operator's configuration, no shell
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                output = self._drained(process, until)
                code = self._ended(process, until)
            except BaseException:
                with suppress(OSError):  # it is not reaped yet, so the number of its group is still its own
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if code in self.missing_codes:
            return None
        if code:
            raise Refused(f"exit code {code}" if code > 0 else f"signal {-code}")
        return output.decode()

    def _drained(self, process: subprocess.Popen[bytes], until: _Until) -> bytes:
        """Read the output to its end, as long as time and space last."""
        output = bytearray()
        descriptor = cast("IO[bytes]", process.stdout).fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            for moment in until:
                if not selector.select(moment):
                    continue
                chunk = os.read(descriptor, 1 << 16)
                output += chunk
                if len(output) > self.max_bytes:
                    raise Refused(f"output larger than {self.max_bytes} bytes")
                if not chunk:
                    return bytes(output)
        raise Refused(_TIMED_OUT)

    def _ended(self, process: subprocess.Popen[bytes], until: _Until) -> int:
        for moment in until:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(moment)
        raise Refused(_TIMED_OUT)


def _tuple_of(kind: type[_T], given: object) -> tuple[_T, ...]:
    listed = tuple(given) if isinstance(given, Collection) and not isinstance(given, str | bytes) else (None,)
    if not all(isinstance(each, kind) for each in listed):
        raise ConfigurationError(f"provider program: a list of {kind.__name__} is expected")
    return cast("tuple[_T, ...]", listed)
