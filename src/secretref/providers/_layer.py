"""Providers made of providers: each writes down whom it asks for what, once, for all the ways of asking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from secretref.errors import ConfigurationError
from secretref.providers import SecretProvider, load
from secretref.providers._ask import aask, ask, name_of

if TYPE_CHECKING:
    from pydantic import SecretStr

    from secretref.providers import ProviderURL

Plan = Generator[tuple[object, frozenset[str]], "dict[str, SecretStr]", "dict[str, SecretStr]"]


class Layer(ABC):
    """Asks other providers. ``exists`` is there only if every provider beneath has it."""

    exists: Callable[[frozenset[str]], frozenset[str]]

    def __init__(self, *providers: SecretProvider) -> None:
        self._providers = providers
        if all(callable(getattr(provider, "exists", None)) for provider in providers):
            self.exists = self._exists

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(name_of, self._providers))})"

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Fetch *names* from the providers beneath.

        Raises:
            ProviderError: One of them could not be asked; nothing is returned then.
        """
        return self._run(names, fresh=False)

    def refetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Fetch *names*, past whatever the providers beneath keep."""
        return self._run(names, fresh=True)

    async def afetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Fetch *names* without blocking the event loop."""
        return await self._arun(names, fresh=False)

    async def arefetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Fetch *names* without blocking the event loop, past whatever the providers beneath keep."""
        return await self._arun(names, fresh=True)

    @abstractmethod
    def _run(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        """Fetch, or refetch when *fresh*."""

    @abstractmethod
    async def _arun(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        """Fetch, or refetch when *fresh*, without blocking."""

    @abstractmethod
    def _exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Answer for ``exists``, when every provider beneath has it."""


class PlannedLayer(Layer):
    """Asks other providers by a plan: a generator that yields questions, is sent answers and returns its own."""

    @abstractmethod
    def _plan(self, names: frozenset[str]) -> Plan:
        """Say whom to ask for what, question by question, and put the answers together."""

    def _run(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        plan = self._plan(names)
        answer: dict[str, SecretStr] | None = None
        try:
            while True:
                question = next(plan) if answer is None else plan.send(answer)
                answer = ask(*question, fresh=fresh)
        except StopIteration as done:
            found: dict[str, SecretStr] = done.value
            return found

    async def _arun(self, names: frozenset[str], *, fresh: bool) -> dict[str, SecretStr]:
        plan = self._plan(names)
        answer: dict[str, SecretStr] | None = None
        try:
            while True:
                question = next(plan) if answer is None else plan.send(answer)
                answer = await aask(*question, fresh=fresh)
        except StopIteration as done:
            found: dict[str, SecretStr] = done.value
            return found


def below(url: ProviderURL) -> list[SecretProvider]:
    """Build the providers given by the option ``of``, as URLs or ready-made."""
    given = url.take_all("of")
    if not given:
        raise ConfigurationError(f"provider {url.kind}: option of is required")
    return [load(item) if isinstance(item, str) else _provider(item, url.kind) for item in given]


def the_one_below(url: ProviderURL) -> SecretProvider:
    """Build the only provider given by the option ``of``."""
    providers = below(url)
    if len(providers) > 1:
        raise ConfigurationError(f"provider {url.kind}: option of is given more than once")
    return providers[0]


def _provider(item: object, kind: str) -> SecretProvider:
    if not isinstance(item, SecretProvider):
        raise ConfigurationError(f"provider {kind}: option of must be a URL or a provider")
    return item
