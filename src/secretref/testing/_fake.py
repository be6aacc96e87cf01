"""Canaries, and a provider that serves them, keeps a log of calls and fails on demand."""

from __future__ import annotations

import secrets
import string
import time
from collections import deque
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pydantic import SecretStr

from secretref.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["alphanumeric", "special", "multiline"]

MARKER = "cnry"
_ALPHANUMERIC = string.ascii_letters + string.digits
_SPECIAL = "\"'`\\/<>&%$#{}[]()+=~|;:,.*?!@^- é"

# Every value issued, for the pytest plugin, which empties it test by test. Bounded, should nobody do that.
issued: deque[str] = deque(maxlen=10_000)


def canary(kind: Kind = "alphanumeric") -> str:
    """Make a value that is unique, random and recognisable: if it turns up somewhere, it has leaked.

    Args:
        kind: ``alphanumeric``; ``special``, full of quotes, brackets and whatever else gets escaped;
            or ``multiline``, three lines.

    Returns:
        The value. The pytest plugin remembers it and hides it in reports of failed tests.
    """
    if kind == "alphanumeric":
        value = MARKER + _random(28)
    elif kind == "special":
        mixed = secrets.SystemRandom().sample(_SPECIAL, len(_SPECIAL))
        value = MARKER + "".join(_random(1) + character for character in mixed) + _random(1)
    elif kind == "multiline":
        value = MARKER + "\n".join(_random(28) for _ in range(3))
    else:
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}")
    issued.append(value)
    return value


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


class FakeProvider(MemoryProvider):
    """A store for tests: it serves canaries, logs what it is asked for and fails when told to.

    Args:
        values: Names and values to begin with.
        fail_with: What ``fetch`` raises; an exception or its class.
        fail_times: How many fetches fail before they succeed again; every one if not given.
        delay: How long each fetch takes, in seconds.

    Attributes:
        calls: The names of each fetch, in order, failed ones included.
    """

    __slots__ = ("__weakref__", "calls", "delay", "fail_times", "fail_with")
    name: ClassVar[str] = "fake"

    def __init__(
        self,
        values: Mapping[str, str] | None = None,
        *,
        fail_with: Exception | type[Exception] | None = None,
        fail_times: int | None = None,
        delay: float = 0.0,
    ) -> None:
        super().__init__(values)
        issued.extend((values or {}).values())
        self.calls: list[frozenset[str]] = []
        self.fail_with = fail_with
        self.fail_times = fail_times
        self.delay = delay

    def canary(self, name: str, *, kind: Kind = "alphanumeric") -> str:
        """Make a canary, keep it under *name* and return it.

        Args:
            name: The name of the secret.
            kind: As for ``secretref.testing.canary``.
        """
        value = canary(kind)
        self.put(name, SecretStr(value))
        return value

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Log the call, then wait, fail or answer, as configured."""
        self.calls.append(names)
        time.sleep(self.delay)
        return self._answer(names)

    async def afetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Do what ``fetch`` does, on the event loop."""
        from asyncio import sleep  # noqa: PLC0415 - slow to import, and most tests are synchronous

        self.calls.append(names)
        await sleep(self.delay)
        return self._answer(names)

    def _answer(self, names: frozenset[str]) -> dict[str, SecretStr]:
        if self.fail_with is not None and self.fail_times != 0:
            if self.fail_times is not None:
                self.fail_times -= 1
            raise self.fail_with
        return super().fetch(names)
