"""Where values come from: what a provider is, and ``load`` by name or URL.

A provider has one method. It is given names and answers with the values it has::

    fetch({"A", "B"})  →  {"A": SecretStr("…")}        B is absent: this provider does not have it
                       →  an exception                 the provider could not be asked

What else it offers is optional and found by its presence: ``afetch``, ``refetch``, ``exists``.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast, runtime_checkable

from secretref.errors import ConfigurationError, SecretRefError
from secretref.providers._url import ProviderURL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import SecretStr

__all__ = [
    "AsyncSecretProvider",
    "ChecksNames",
    "ProviderURL",
    "RefetchesValues",
    "SecretProvider",
    "SecretStore",
    "is_name",
    "load",
]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_SHIPPED = {
    "alias": "secretref.providers.prefix:AliasProvider",
    "cache": "secretref.providers.cache:CacheProvider",
    "chain": "secretref.providers.chain:ChainProvider",
    "directory": "secretref.providers.files:DirectoryProvider",
    "dotenv": "secretref.providers.dotenv:DotenvProvider",
    "env": "secretref.providers.env:EnvProvider",
    "file": "secretref.providers.files:FileProvider",
    "memory": "secretref.providers.memory:MemoryProvider",
    "orkes": "secretref.providers.orkes:OrkesProvider",
    "prefix": "secretref.providers.prefix:PrefixProvider",
    "program": "secretref.providers.program:ProgramProvider",
    "store": "secretref.store:Store",
}


@runtime_checkable
class SecretProvider(Protocol):
    """Can fetch. Called from any thread, possibly from several at once."""

    def fetch(self, names: frozenset[str], /) -> Mapping[str, SecretStr] | Awaitable[Mapping[str, SecretStr]]:
        """Fetch the values of *names*; a name it does not have is absent from the answer.

        Args:
            names: What to fetch; may be empty. Nothing else may be returned.

        Returns:
            The values found. ``async def fetch`` is as good.

        Raises:
            ProviderError: The provider could not be asked; holds no value and no text of others.
        """
        ...


@runtime_checkable
class AsyncSecretProvider(Protocol):
    """Can fetch without blocking the event loop; preferred by ``aresolve``."""

    async def afetch(self, names: frozenset[str], /) -> Mapping[str, SecretStr]:
        """Fetch as ``SecretProvider.fetch`` does."""
        ...


@runtime_checkable
class RefetchesValues(Protocol):
    """Keeps values, and can fetch past what it keeps. The async twin is ``arefetch``."""

    def refetch(self, names: frozenset[str], /) -> Mapping[str, SecretStr] | Awaitable[Mapping[str, SecretStr]]:
        """Fetch *names* where they really live, and keep the new values."""
        ...


@runtime_checkable
class ChecksNames(Protocol):
    """Can tell which names it has without fetching a value."""

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* that the provider has."""
        ...


@runtime_checkable
class SecretStore(SecretProvider, Protocol):
    """Can also put and delete."""

    def put(self, name: str, value: SecretStr, /) -> object:
        """Keep *value* under *name*, in place of an older one."""
        ...

    def delete(self, name: str, /) -> object:
        """Forget *name*; it need not exist."""
        ...


def is_name(text: object) -> TypeGuard[str]:
    """Tell whether *text* can be the name of a secret: 1 to 255 of the characters ``A-Z a-z 0-9 _ -``."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def load(url: str, /, **options: object) -> SecretProvider:
    """Build the provider that *url* describes.

    ``env://?prefix=SECRET_`` and ``load("env", prefix="SECRET_")`` are the same. The kinds of this library come
    first; then the entry points of the group ``secretref.providers``, looked up only when the kind is not ours.

    Args:
        url: A kind, or ``kind://location?option=value``; percent-encoded as in any URL.
        options: More options, as text or already of the right type.

    Returns:
        The provider. Nothing has been fetched yet.

    Raises:
        ConfigurationError: Unknown kind, or a missing, unknown or unusable option. The URL is never quoted.
        MissingExtraError: The provider needs an extra that is not installed.
    """
    parsed = ProviderURL.parse(url, options)
    factory = _factory(parsed.kind)
    fault = ""
    try:
        provider = factory(parsed)
    except SecretRefError:
        raise
    except Exception as error:  # noqa: BLE001 - the text of a foreign error may quote a credential
        fault = type(error).__name__
    if fault:
        raise ConfigurationError(f"provider {parsed.kind} could not be built: {fault}")
    parsed.refuse_unread()
    return provider


def _factory(kind: str) -> Callable[[ProviderURL], SecretProvider]:
    """Find what builds *kind*: a class with ``from_url``, or a callable that takes the URL."""
    if kind in _SHIPPED:
        module, _, name = _SHIPPED[kind].partition(":")
        found: Any = getattr(import_module(module), name)
    else:
        found = _installed(kind)
    return cast("Callable[[ProviderURL], SecretProvider]", getattr(found, "from_url", found))


def _installed(kind: str) -> Any:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs 10 ms and is rarely needed

    points = tuple(entry_points(group="secretref.providers", name=kind))
    if not points:
        known = ", ".join(sorted(_SHIPPED))
        raise ConfigurationError(f"no provider of that kind is installed; known here: {known}")
    if len({point.value for point in points}) > 1:
        raise ConfigurationError(f"several installed packages offer a provider {kind}")
    fault = ""
    try:
        return points[0].load()
    except SecretRefError:
        raise
    except Exception as error:  # noqa: BLE001 - foreign code, foreign text
        fault = type(error).__name__
    raise ConfigurationError(f"provider {kind} could not be imported: {fault}")
