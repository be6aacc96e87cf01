"""Environment variables with a prefix."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError
from secretref.providers import is_name

if TYPE_CHECKING:
    from secretref.providers import ProviderURL

__all__ = ["EnvProvider"]


@dataclass(frozen=True, slots=True)
class EnvProvider:
    """The secret ``NAME`` is the variable prefix + ``NAME``, spelled exactly so.

    A dash stays a dash. Were it turned into an underscore, a grant for ``team-*`` would open ``team_x`` too;
    use ``AliasProvider`` to map such names one by one.

    Args:
        prefix: Required, so that a reference cannot read any variable it likes.

    Raises:
        ConfigurationError: The prefix is empty or cannot begin a variable's name.
    """

    prefix: str
    name: ClassVar[str] = "env"

    def __post_init__(self) -> None:
        if not is_name(self.prefix):
            raise ConfigurationError("provider env: the prefix must be letters, digits, _ or -, at least one")

    @classmethod
    def from_url(cls, url: ProviderURL) -> EnvProvider:
        """Build it from ``env://?prefix=SECRET_``."""
        return cls(prefix=url.text("prefix"))

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Return the variables of *names* that are set, the empty ones too.

        Raises:
            ProviderError: Some values are not UTF-8; names all of them.
        """
        values: dict[str, SecretStr] = {}
        odd: list[str] = []
        for name in self.exists(names):
            try:
                values[name] = SecretStr(os.fsencode(os.environ[self.prefix + name]).decode())
            except UnicodeDecodeError:
                odd.append(name)
        if odd:
            raise ProviderError(self.name, kind="UnicodeDecodeError", names=odd)
        return values

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* whose variable is set."""
        return frozenset(name for name in names if is_name(name) and self.prefix + name in os.environ)
