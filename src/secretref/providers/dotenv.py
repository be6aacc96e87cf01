"""The well-known ``.env`` file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import SecretStr

from secretref.errors import ProviderError
from secretref.providers._settings import check_counts, check_path
from secretref.providers.files import MAX_BYTES, Refused, kind_of, read_regular

if TYPE_CHECKING:
    from secretref.providers import ProviderURL

__all__ = ["DotenvProvider", "parse_dotenv"]

_BLANK = re.compile(r"(?:\s|#[^\r\n]*)*+")
_KEY = re.compile(r"(?:export[ \t]+)?([A-Za-z0-9_.-]+)[ \t]*=")
_SINGLE = re.compile(r"[ \t]*'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL)
_DOUBLE = re.compile(r'[ \t]*"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_AFTER = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_PLAIN = re.compile(r"[^\r\n]*")
_COMMENT = re.compile(r"[ \t]#")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_IN_SINGLE = {"\\": "\\", "'": "'"}
_IN_DOUBLE = {
    "\\": "\\",
    "'": "'",
    '"': '"',
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def parse_dotenv(text: str) -> dict[str, str]:
    r"""Parse the text of a ``.env`` file.

    A line is ``KEY=value``, with ``export`` in front or not. In double quotes ``\n``, ``\"`` and the like are
    escapes, in single quotes only ``\'`` and ``\\``; both may span lines. Without quotes, blanks around the value
    and a comment after a blank do not belong to it. Nothing is interpolated: ``$HOME`` is five characters.
    Of several lines with one key the last counts.

    Raises:
        Refused: A line is malformed; says which, by number.
    """
    found: dict[str, str] = {}
    position = _end(_BLANK, text, 0)
    while position < len(text):
        key = _KEY.match(text, position)
        value = key and _value(text, key.end())
        if not key or not value:
            raise Refused(f"line {text.count(chr(10), 0, position) + 1} is malformed")
        found[key[1]], position = value
        position = _end(_BLANK, text, position)
    return found


def _value(text: str, start: int) -> tuple[str, int] | None:
    """Return the value that begins at *start* and where it ends, or None if a quote is not closed properly."""
    for quoted, escapes in ((_SINGLE, _IN_SINGLE), (_DOUBLE, _IN_DOUBLE)):
        if match := quoted.match(text, start):
            after = _AFTER.match(text, match.end())
            value = _ESCAPED.sub(lambda escape, escapes=escapes: escapes.get(escape[1], escape[0]), match[1])
            return (value, after.end()) if after else None
    end = _end(_PLAIN, text, start)
    plain = text[start:end]
    if plain.lstrip(" \t")[:1] in {"'", '"'}:
        return None
    return _COMMENT.split(plain, maxsplit=1)[0].strip(" \t"), end


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


@dataclass(frozen=True, slots=True)
class DotenvProvider:
    """The names are the keys of a ``.env`` file. It is read at each fetch and changes no environment.

    Args:
        path: The file. Links are followed.
        max_bytes: The largest size accepted.
    """

    path: str | os.PathLike[str] = ".env"
    max_bytes: int = MAX_BYTES
    name: ClassVar[str] = "dotenv"

    def __post_init__(self) -> None:
        check_path(self.name, self.path)
        check_counts(self.name, max_bytes=self.max_bytes)

    @classmethod
    def from_url(cls, url: ProviderURL) -> DotenvProvider:
        """Build it from ``dotenv:///etc/app/.env``; ``dotenv`` alone means ``.env`` where the process runs."""
        return cls(url.path() if url.location else ".env", max_bytes=url.whole("max_bytes", MAX_BYTES))

    def fetch(self, names: frozenset[str], /) -> dict[str, SecretStr]:
        """Read the file and return the values of those *names* that are in it.

        Raises:
            ProviderError: It cannot be read, or a line is malformed.
        """
        try:
            found = parse_dotenv(read_regular(os.fspath(self.path), max_bytes=self.max_bytes).decode())
            return {name: SecretStr(found[name]) for name in names if name in found}
        except (OSError, ValueError, Refused) as error:
            kind = kind_of(error)
        raise ProviderError(self.name, kind=kind, names=names)

    def exists(self, names: frozenset[str], /) -> frozenset[str]:
        """Return those of *names* that are in the file."""
        return frozenset(self.fetch(names))
