"""Several providers in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from secretref.providers._layer import Plan, PlannedLayer, below

if TYPE_CHECKING:
    from pydantic import SecretStr

    from secretref.providers import ChecksNames, ProviderURL

__all__ = ["ChainProvider"]


class ChainProvider(PlannedLayer):
    """Each name comes from the first provider that has it.

    The next one is asked only for what the one before *does not have*. If one cannot be asked, the chain fails:
    falling through would put another value in the place of the right one.

    Args:
        providers: Who is asked, in order.
    """

    name: ClassVar[str] = "chain"

    @classmethod
    def from_url(cls, url: ProviderURL) -> ChainProvider:
        """Build it from ``chain://?of=URL&of=URL``, each percent-encoded."""
        return cls(*below(url))

    def _plan(self, names: frozenset[str]) -> Plan:
        found: dict[str, SecretStr] = {}
        for provider in self._providers:
            if missing := names - found.keys():
                found |= yield provider, missing
        return found

    def _exists(self, names: frozenset[str], /) -> frozenset[str]:
        providers: tuple[ChecksNames, ...] = self._providers  # type: ignore[assignment] # else this is not called
        return frozenset().union(*(provider.exists(names) for provider in providers))
