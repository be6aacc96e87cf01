"""Values in memory: for values that the program has already, and for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NoReturn

from pydantic import SecretStr

from secretref.errors import ConfigurationError

if TYPE_CHECKING:
    from secretref.providers import ProviderURL

__all__ = ["MemoryProvider"]


class MemoryProvider:
    """A store that lives as long as the process.

    It refuses to be pickled or copied, since a copy of a value is one more place to guard.

    Args:
        values: Names and their values; copied.

    Raises:
        ConfigurationError: *values* is no mapping.
    """

    __slots__ = ("_values",)
    name: ClassVar[str] = "memory"

    def __init__(self, values: Mapping[str, str | SecretStr] | None = None) -> None:
        given = {} if values is None else values
        if not isinstance(given, Mapping):
            raise ConfigurationError("provider memory: a mapping from names to values is expected")
        self._values = {
            name: value if isinstance(value, SecretStr) else SecretStr(value) for name, value in given.items()
        }

    @classmethod
    def from_url(cls, url: ProviderURL) -> MemoryProvider:
        """Build an empty store from ``memory``."""
        del url
        return cls()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._values)} names)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds values: it cannot be pickled or copied")

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Return the values of those *names* that are there."""
        values = self._values
        return {name: values[name] for name in names if name in values}

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* that are there."""
        return names & self._values.keys()

    def put(self, name: str, value: SecretStr, /) -> None:
        """Keep *value* under *name*."""
        self._values = {**self._values, name: value}  # a new dict: a fetch in another thread sees all or nothing

    def delete(self, name: str, /) -> None:
        """Forget *name*."""
        self._values = {other: value for other, value in self._values.items() if other != name}
