"""Other names for the same secrets: a prefix for all, or an alias for some."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from secretref.errors import ConfigurationError
from secretref.providers import is_name
from secretref.providers._layer import Plan, PlannedLayer, the_one_below

if TYPE_CHECKING:
    from secretref.providers import ChecksNames, ProviderURL, SecretProvider

__all__ = ["AliasProvider", "PrefixProvider"]


class _Renaming(PlannedLayer):
    """Asks one provider under other names."""

    @abstractmethod
    def _inner(self, name: str) -> str:
        """Return the name over there."""

    def _plan(self, names: frozenset[str]) -> Plan:
        inner = {name: self._inner(name) for name in names if is_name(name)}
        found = yield self._providers[0], frozenset(inner.values())
        return {name: found[other] for name, other in inner.items() if other in found}

    def _exists(self, names: frozenset[str], /) -> frozenset[str]:
        inner = {name: self._inner(name) for name in names if is_name(name)}
        provider: ChecksNames = self._providers[0]  # type: ignore[assignment] # else this is not called
        found = provider.exists(frozenset(inner.values()))
        return frozenset(name for name, other in inner.items() if other in found)


class PrefixProvider(_Renaming):
    """The secret ``NAME`` is the prefix + ``NAME`` in another provider: a part of it, seen as a whole.

    Args:
        provider: Where the secrets are.
        prefix: What stands in front of every name there.

    Raises:
        ConfigurationError: The prefix is empty or holds characters that no name has.
    """

    name: ClassVar[str] = "prefix"

    def __init__(self, provider: SecretProvider, prefix: str) -> None:
        if not is_name(prefix):
            raise ConfigurationError("provider prefix: the prefix must be letters, digits, _ or -, at least one")
        super().__init__(provider)
        self._prefix = prefix

    @classmethod
    def from_url(cls, url: ProviderURL) -> PrefixProvider:
        """Build it from ``prefix://?prefix=app_&of=URL``."""
        return cls(the_one_below(url), url.text("prefix"))

    def _inner(self, name: str) -> str:
        return self._prefix + name


class AliasProvider(_Renaming):
    """Some secrets have another name in another provider; the others keep theirs.

    Args:
        provider: Where the secrets are.
        aliases: Name in references → name in *provider*.

    Raises:
        ConfigurationError: An alias could not stand in a reference.
    """

    name: ClassVar[str] = "alias"

    def __init__(self, provider: SecretProvider, aliases: Mapping[str, str]) -> None:
        if not isinstance(aliases, Mapping) or not aliases or not all(map(is_name, (*aliases, *aliases.values()))):
            raise ConfigurationError("provider alias: aliases must be names of letters, digits, _ or -, at least one")
        super().__init__(provider)
        self._aliases = dict(aliases)

    @classmethod
    def from_url(cls, url: ProviderURL) -> AliasProvider:
        """Build it from ``alias://?alias=NAME:OTHER&of=URL``; ``alias`` may be given any number of times."""
        pairs = (text.partition(":") for text in url.texts("alias"))
        return cls(the_one_below(url), {name: other for name, _, other in pairs})

    def _inner(self, name: str) -> str:
        return self._aliases.get(name, name)
