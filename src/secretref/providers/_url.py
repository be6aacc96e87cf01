"""The URL that describes a provider: kind, location, options; read once, option by option."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from secretref.errors import ConfigurationError

_KIND_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+.-_")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_REQUIRED = object()


@dataclass(slots=True, repr=False)
class ProviderURL:
    """A parsed URL. It may carry credentials, so it shows its kind only.

    Attributes:
        kind: What stands before ``://``: the name of the provider.
        location: What stands between ``://`` and ``?``, percent-decoded; often a path.
    """

    kind: str
    location: str = ""
    _options: dict[str, list[object]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"ProviderURL({self.kind!r})"

    @classmethod
    def parse(cls, url: str, more: Mapping[str, object]) -> ProviderURL:
        """Take *url* apart and add *more* options.

        Raises:
            ConfigurationError: It is no such URL; nothing of it is quoted.
        """
        kind, _, rest = url.partition("://") if isinstance(url, str) and isinstance(more, Mapping) else ("", "", "")
        if not kind or not set(kind) <= _KIND_CHARACTERS:
            raise ConfigurationError("a provider is given as KIND or KIND://LOCATION?OPTION=VALUE")
        if "#" in rest:
            raise ConfigurationError(f"provider {kind}: write # as %23")
        location, _, query = rest.partition("?")
        pairs = None
        with suppress(ValueError):  # its text quotes the query
            location = unquote(location, errors="strict")
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
        if pairs is None:
            raise ConfigurationError(f"provider {kind}: options are written OPTION=VALUE and joined by &")
        options: dict[str, list[object]] = {}
        for option, text in pairs:
            options.setdefault(option, []).append(text)
        for option, value in more.items():
            many = isinstance(value, Sequence) and not isinstance(value, str | bytes)
            options[option] = list(value) if isinstance(value, Sequence) and many else [value]
        return cls(kind, location, options)

    def take(self, option: str, default: object = _REQUIRED) -> object:
        """Take the one value of *option*, whatever its type."""
        found = self.take_all(option)
        if len(found) > 1:
            raise ConfigurationError(f"provider {self.kind}: option {option} is given more than once")
        if not found and default is _REQUIRED:
            raise ConfigurationError(f"provider {self.kind}: option {option} is required")
        return found[0] if found else default

    def take_all(self, option: str) -> list[object]:
        """Take every value of *option*, in order."""
        self._asked.add(option)
        return self._options.pop(option, [])

    def text(self, option: str, default: object = _REQUIRED) -> str:
        """Take *option* as text."""
        value = self.take(option, default)
        if not isinstance(value, str):
            raise ConfigurationError(f"provider {self.kind}: option {option} must be text")
        return value

    def texts(self, option: str) -> list[str]:
        """Take *option* as a list of texts; it may be given any number of times."""
        found = self.take_all(option)
        values = [value for value in found if isinstance(value, str)]
        if len(values) != len(found):
            raise ConfigurationError(f"provider {self.kind}: option {option} must be text")
        return values

    def number(self, option: str, default: object = _REQUIRED) -> float:
        """Take *option* as a finite number above zero."""
        value, number = self.take(option, default), math.nan
        with suppress(ValueError):  # its text quotes the value
            number = float(value) if isinstance(value, str | int | float) else math.nan
        if not math.isfinite(number) or number <= 0:
            raise ConfigurationError(f"provider {self.kind}: option {option} must be a number above zero")
        return number

    def whole(self, option: str, default: object = _REQUIRED) -> int:
        """Take *option* as a whole number above zero."""
        number = self.number(option, default)
        if not number.is_integer():
            raise ConfigurationError(f"provider {self.kind}: option {option} must be a whole number")
        return int(number)

    def flag(self, option: str, default: object = _REQUIRED) -> bool:
        """Take *option* as ``true`` or ``false``."""
        value = self.take(option, default)
        found = value if isinstance(value, bool) else _FLAGS.get(str(value).lower())
        if found is None:
            raise ConfigurationError(f"provider {self.kind}: option {option} must be true or false")
        return found

    def path(self) -> str:
        """Return the location, which must be given."""
        if not self.location or "\0" in self.location:
            raise ConfigurationError(f"provider {self.kind}: a path must follow {self.kind}://")
        return self.location

    def refuse_unread(self) -> None:
        """Refuse options that nobody asked for: most are typing errors, and some the rest of a password with ``&``."""
        if self._options:
            known = ", ".join(sorted(self._asked)) or "none"
            raise ConfigurationError(f"provider {self.kind}: unknown option; known are: {known}")
