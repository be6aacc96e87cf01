"""Ask a provider, whatever it offers: the only place that calls one. Faults become silent errors of ours."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar, copy_context
from inspect import isawaitable, iscoroutinefunction
from math import inf
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from secretref.errors import (
    AccessDeniedError,
    ProviderError,
    ProviderUnavailableError,
    SecretNotFoundError,
    SecretRefError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aask", "ask", "held", "name_of", "seconds_left"]

_BLOCKING: Final = ("fetch", "afetch")
_AWAITED: Final = ("afetch", "fetch")
_AFRESH: Final = ("refetch", "arefetch", *_BLOCKING)
_AFRESH_AWAITED: Final = ("arefetch", "refetch", *_AWAITED)
_TRANSIENT: Final = (TimeoutError, ConnectionError)
_NO_FETCH, _NO_MAPPING, _NO_VALUE = "has no fetch", "answer is no mapping", "value is no SecretStr"
_KIND: Final = re.compile(  # the form of a class name, or what this module says
    rf"[A-Z][A-Za-z]{{0,63}}|[A-Z]\w{{0,58}}Error|{_NO_FETCH}|{_NO_MAPPING}|{_NO_VALUE}", re.ASCII
)
_UNTIL: Final = ContextVar("secretref-until", default=inf)  # when whoever asks here gives up, on the monotonic clock


def name_of(provider: object) -> str:
    """Return what errors and audit events call *provider*: its ``name``, or its class."""
    name = getattr(provider, "name", None)
    return name if isinstance(name, str) else type(provider).__name__


def seconds_left(most: float) -> float:
    """Return how long whoever asks here still waits for an answer, at most *most*; 0 when nobody does any more."""
    return max(0.0, min(most, _UNTIL.get() - time.monotonic()))


def ask(
    provider: object, names: frozenset[str], *, fresh: bool = False, deadline: float | None = None
) -> dict[str, SecretStr]:
    """Fetch *names* from *provider* and wait for the answer.

    Args:
        provider: Anything with ``fetch`` or ``afetch``.
        names: What to fetch.
        fresh: Skip what the provider keeps, where it can.
        deadline: How long to wait, in seconds.

    Returns:
        The values found, for asked names only.

    Raises:
        ProviderError: It could not be asked, or its answer is no mapping from names to ``SecretStr``.
        SecretRefError: It raised another error of this library, which is made anew: without its history and, unless
            the provider is one of ours, without its words.
    """
    if deadline is not None:
        return _in_time(lambda: ask(provider, names, fresh=fresh), deadline, provider)
    try:
        _, method = _method(provider, _AFRESH if fresh else _BLOCKING)
        answer = method(names)
        if type(answer) is not dict and isawaitable(answer):
            answer = _finished(answer)
        return _checked(answer, provider, names)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        failure = _silenced(error, provider, names)
    raise failure


def held(provider: object, names: frozenset[str]) -> frozenset[str] | None:
    """Ask *provider* which of *names* it has; None if it cannot tell without fetching them.

    Raises:
        SecretRefError: It could not be asked.
    """
    exists = getattr(provider, "exists", None)
    if not callable(exists):
        return None
    try:
        found = exists(names)
        return names & frozenset(_finished(found) if isawaitable(found) else found)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        failure = _silenced(error, provider, names)
    raise failure


async def aask(
    provider: object, names: frozenset[str], *, fresh: bool = False, deadline: float | None = None
) -> dict[str, SecretStr]:
    """Fetch like ``ask`` without blocking the event loop: what is not asynchronous runs in a thread."""
    from asyncio import timeout, to_thread  # noqa: PLC0415 - asyncio is slow to import and not everybody needs it

    limit = timeout(deadline)
    try:
        async with limit:
            called, method = _method(provider, _AFRESH_AWAITED if fresh else _AWAITED)
            direct = called.startswith("a") or iscoroutinefunction(method)
            answer, failure = (method(names), None) if direct else await to_thread(_outcome, method, provider, names)
            if failure is None:
                return _checked(await answer if isawaitable(answer) else answer, provider, names)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        failure = _late(provider) if limit.expired() else _silenced(error, provider, names)
    raise failure


def _in_time(call: Callable[[], dict[str, SecretStr]], seconds: float, provider: object) -> dict[str, SecretStr]:
    """Wait for *call* in a thread; one that is late is left behind, and its answer dropped."""
    from queue import Empty, SimpleQueue  # noqa: PLC0415 - only with a deadline
    from threading import Thread  # noqa: PLC0415

    answers: SimpleQueue[dict[str, SecretStr] | BaseException] = SimpleQueue()
    until = time.monotonic() + seconds_left(seconds)

    def run() -> None:
        _UNTIL.set(until)
        try:
            answers.put(call())
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            answers.put(error)

    Thread(target=copy_context().run, args=(run,), name="secretref-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        answer = _late(provider)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _late(provider: object) -> ProviderUnavailableError:
    return ProviderUnavailableError(name_of(provider), kind="deadline exceeded")


def _method(provider: object, choices: tuple[str, ...]) -> tuple[str, Callable[[frozenset[str]], Any]]:
    """Return the first method of *choices* that *provider* has, and what it is called."""
    for name in choices:
        method = getattr(provider, name, None)
        if callable(method):
            return name, method
    raise ProviderError(name_of(provider), kind=_NO_FETCH)


def _outcome(
    method: Callable[[frozenset[str]], Any], provider: object, names: frozenset[str]
) -> tuple[Any, SecretRefError | None]:
    """Return answer or failure: no future can carry a StopIteration, and whoever awaits it would wait for ever."""
    try:
        return method(names), None
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        return None, _silenced(error, provider, names)


def _finished(answer: Awaitable[Any]) -> Any:
    """Wait for *answer* in an event loop of its own; in a thread when this one runs a loop already."""
    import asyncio  # noqa: PLC0415 - see aask
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    async def wait() -> Any:
        return await answer

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(wait())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, wait()).result()


def _checked(answer: object, provider: object, names: frozenset[str]) -> dict[str, SecretStr]:
    if not isinstance(answer, Mapping):
        raise ProviderError(name_of(provider), kind=_NO_MAPPING, names=names)
    values = {name: answer[name] for name in names if name in answer}
    odd = [name for name, value in values.items() if not isinstance(value, SecretStr)]
    if odd:
        raise ProviderError(name_of(provider), kind=_NO_VALUE, names=odd)
    return values


def _silenced(error: Exception, provider: object, names: frozenset[str]) -> SecretRefError:
    """Make a new error that says what *error* may say: never its text, notes, cause or context."""
    name, kind = name_of(provider), type(error).__name__
    if type(error).__module__ != "secretref.errors" or not isinstance(error, SecretRefError):
        unavailable = isinstance(error, (ProviderUnavailableError, *_TRANSIENT))
        return (ProviderUnavailableError if unavailable else ProviderError)(name, kind=kind, names=names)
    if type(provider).__module__.startswith("secretref."):  # ours, so silent, and it may speak for those beneath
        build, fields = error.__reduce__()
        return build(*fields)
    concerned = names & getattr(error, "names", names) or names
    if isinstance(error, AccessDeniedError):
        return AccessDeniedError(concerned, subject=name)
    if isinstance(error, SecretNotFoundError):
        return SecretNotFoundError(concerned, provider=name)
    if isinstance(error, ProviderError):
        return type(error)(name, kind=error.kind if _KIND.fullmatch(error.kind) else kind, names=concerned)
    return ProviderError(name, kind=kind, names=names)
