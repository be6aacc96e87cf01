"""Ask a provider, whatever it offers: the only place that calls one. Faults become silent errors of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from secretref.errors import ProviderError, ProviderUnavailableError, SecretRefError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aask", "ask", "name_of"]

_TRANSIENT = (ProviderUnavailableError, TimeoutError, ConnectionError)


def name_of(provider: object) -> str:
    """Return what errors and audit events call *provider*: its ``name``, or its class."""
    name = getattr(provider, "name", None)
    return name if isinstance(name, str) else type(provider).__name__


def ask(provider: object, names: frozenset[str], *, fresh: bool = False) -> dict[str, SecretStr]:
    """Fetch *names* from *provider* and wait for the answer.

    Args:
        provider: Anything with ``fetch`` or ``afetch``.
        names: What to fetch.
        fresh: Skip what the provider keeps, where it can.

    Returns:
        The values found, for asked names only.

    Raises:
        ProviderError: It could not be asked, or its answer is no mapping from names to ``SecretStr``.
        SecretRefError: It raised another error of this library, which is passed on without its history.
    """
    try:
        answer = _method(provider, ("refetch", "arefetch") if fresh else (), ("fetch", "afetch"))(names)
        return _checked(_finished(answer) if isawaitable(answer) else answer, provider, names)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        failure = _silenced(error, provider, names)
    raise failure


async def aask(provider: object, names: frozenset[str], *, fresh: bool = False) -> dict[str, SecretStr]:
    """Fetch like ``ask`` without blocking the event loop: what is not asynchronous runs in a thread."""
    from asyncio import to_thread  # noqa: PLC0415 - asyncio is slow to import and not everybody needs it

    try:
        method = _method(provider, ("arefetch", "refetch") if fresh else (), ("afetch", "fetch"))
        direct = method.__name__.startswith("a") or iscoroutinefunction(method)
        answer = method(names) if direct else await to_thread(method, names)
        return _checked(await answer if isawaitable(answer) else answer, provider, names)
    except Exception as error:  # noqa: BLE001 - whatever a provider raises may quote a value
        failure = _silenced(error, provider, names)
    raise failure


def _method(provider: object, *choices: tuple[str, ...]) -> Callable[[frozenset[str]], Any]:
    found = (getattr(provider, name, None) for choice in choices for name in choice)
    method = next(filter(callable, found), None)
    if method is None:
        raise ProviderError(name_of(provider), kind="has no fetch")
    return method


def _finished(answer: Awaitable[Any]) -> Any:
    """Wait for *answer* in an event loop of its own; in a thread when this one runs a loop already."""
    import asyncio  # noqa: PLC0415 - see aask
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415
    from contextvars import copy_context  # noqa: PLC0415

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
        raise ProviderError(name_of(provider), kind="answer is no mapping", names=names)
    values = {name: answer[name] for name in names if name in answer}
    odd = [name for name, value in values.items() if not isinstance(value, SecretStr)]
    if odd:
        raise ProviderError(name_of(provider), kind="value is no SecretStr", names=odd)
    return values


def _silenced(error: Exception, provider: object, names: frozenset[str]) -> SecretRefError:
    """Make a new error that says what *error* may say: never its text, notes, cause or context."""
    if type(error).__module__ == "secretref.errors" and isinstance(error, SecretRefError):
        build, fields = error.__reduce__()
        return build(*fields)
    kind = ProviderUnavailableError if isinstance(error, _TRANSIENT) else ProviderError
    return kind(name_of(provider), kind=type(error).__name__, names=names)
