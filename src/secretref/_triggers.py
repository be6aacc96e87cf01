"""Cheap signs that a text is worth decoding, found by one pass of Hyperscan over it.

The patterns do not depend on any value. They are wider than what the decoders understand: without a sign there is
nothing that a decoder could bring to light, apart from values whose own letters and digits stand in the text.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["Signs", "Triggers", "triggers"]

Span = tuple[int, int]

_DIGIT = rb"[A-Za-z0-9+/_\-]"
_ALNUM = rb"(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|2[dDeE]|5[fF])"  # codes of letters, digits, - . _
_DECIMAL_ALNUM = rb"0*(?:4[5689]|95|5[0-7]|6[5-9]|[78][0-9]|9[0-9]|1[01][0-9]|12[0-2])"
_ESCAPED_BREAK = rb"\\+[nrt]"

_ESCAPES = (
    # letters and digits spelled as escapes, which nobody needs to
    rb"%" + _ALNUM,
    rb"\\[xX]\{?0*" + _ALNUM,
    rb"\\[uU]\{?0*" + _ALNUM,
    rb"&#(?:[xX]0*" + _ALNUM + rb"|" + _DECIMAL_ALNUM + rb")",
    rb"\\[01][0-7][0-7]",
    # escapes of escapes, and escapes in a row
    rb"%25[0-9A-Fa-fu]|%5[cC]|%26|%u[0-9A-Fa-f]",
    rb"&amp;|&#(?:37|38|92|[xX]2[56]|[xX]5[cC])|&percnt|&bsol",
    rb"\\+[uUx](?:00|\{0*)?(?:2[56]|5[cC])",
    rb"(?:%[0-9A-Fa-f]{2}[^%\s]{0,3}){4}",
    # base64 and hexadecimal digits among escapes
    rb"%(?:2[BbFf]|3[Dd])|\\+/|\\+(?:u00|x)[23][bBdDfF]|&#(?:43|47|61);|&(?:plus|sol|equals|NewLine);",
    _ESCAPED_BREAK + _DIGIT + rb"{8}",
    _ESCAPED_BREAK + _DIGIT + rb"{1,7}[=\\\"'\r\n]",
    # terminal sequences, overstrikes and invisible characters
    rb"%(?:1[bB]|08|[eE]2%8|[cC]2%[aA]|[eE][fF]%)",
    rb"\\e|\\[uUx]\{?0*(?:1[bB]|[01][0-9a-fA-F]|20[0-6]|[fF][eE][fF]|[aA][dD]|180)",
    rb"&(?:#0*(?:8|27|82[0-9]{2}|173|65279)[^0-9]|#[xX]0*(?:8|1[bB]|20[0-6]|[fF][eE][fF]|[aA][dD])|shy|zw|Zero|No)",
    rb"\x1b|\x08|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xc2\xad|\xe1\xa0\x8e|\xcd\x8f",
)
_HEX_DIGIT = rb"[0-9A-Fa-f]"
_SEPARATED = rb"(?:[0-9A-Fa-f]{2}(?:[^0-9A-Za-z*]{1,6}(?:0?[xXuU])?|0?[xXuU])){%d}"
_LISTED = rb"[0-9], ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]{1,3}, ?[0-9]"

_WARM = 1 << 15
"""Bytes asked about before building the automata pays; until then every text counts as worth decoding."""


@lru_cache(maxsize=32)
def triggers(least: int) -> Triggers:
    """Triggers for runs of at least *least* digits, built once in a process."""
    return Triggers(least)


@dataclass(frozen=True, slots=True)
class Signs:
    """What a text holds that can be decoded.

    Attributes:
        base64: Long runs of base64 digits.
        hexadecimal: Long runs of hexadecimal digits.
        separated: There are pairs of hexadecimal digits with something between them.
        listed: There is a list of small numbers.
    """

    base64: list[Span]
    hexadecimal: list[Span]
    separated: bool
    listed: bool


class Triggers:
    """Signs to look for. Safe to share between threads."""

    __slots__ = ("_asked", "_escapes", "_hex_run", "_least", "_local", "_run", "_runs")

    def __init__(self, least: int) -> None:
        self._least = least
        self._asked = 0
        self._run = re.compile(_DIGIT + rb"{%d,}" % least)
        self._hex_run = re.compile(_HEX_DIGIT + rb"{%d,}" % least)
        self._escapes: Any = None
        self._runs: Any = None
        self._local = threading.local()

    def _is_warm(self, size: int) -> bool:
        if self._runs is None:
            self._asked += size
            if self._asked > _WARM:
                base64 = rb"(?:^|[^A-Za-z0-9+/_\-])" + _DIGIT + rb"{%d}" % self._least
                hexadecimal = rb"(?:^|[^0-9A-Fa-f])" + _HEX_DIGIT + rb"{%d}" % self._least
                separated = _SEPARATED % min(8, self._least // 2)
                self._escapes = _database(_ESCAPES)
                self._runs = _database((base64, hexadecimal, separated, _LISTED))
        return self._runs is not None

    def escapes(self, data: bytes) -> list[int] | None:
        """List where escapes in *data* may hide letters, digits or another encoding; None for anywhere."""
        if not self._is_warm(len(data)):
            return None
        found: list[int] = []
        self._scan(self._escapes, data, lambda _index, _start, end, *_: found.append(end))
        return found

    def signs(self, data: bytes) -> Signs:
        """Look for what can be decoded in *data*."""
        if not self._is_warm(len(data)):
            base64, hexadecimal = (
                [found.span() for found in rule.finditer(data)] for rule in (self._run, self._hex_run)
            )
            return Signs(base64, hexadecimal, separated=True, listed=True)
        ends: tuple[list[int], ...] = ([], [], [], [])
        self._scan(self._runs, data, lambda index, _start, end, *_: ends[index].append(end))
        base64 = self._begun(self._run, data, ends[0])
        hexadecimal = self._begun(self._hex_run, data, ends[1])
        return Signs(base64, hexadecimal, separated=bool(ends[2]), listed=bool(ends[3]))

    def _begun(self, rule: re.Pattern[bytes], data: bytes, ends: list[int]) -> list[Span]:
        """Follow runs from the end of their first digits."""
        return [found.span() for end in ends if (found := rule.match(data, end - self._least))]

    def _scan(self, database: Any, data: bytes, callback: Any) -> None:
        scratches: dict[Any, Any] = self._local.__dict__.setdefault("scratches", {})
        scratch = scratches.get(database)
        if scratch is None:
            import hyperscan  # noqa: PLC0415 - loaded by then

            scratch = scratches[database] = hyperscan.Scratch(database)
        database.scan(data, match_event_handler=callback, scratch=scratch)


def _database(patterns: tuple[bytes, ...]) -> Any:
    import hyperscan  # noqa: PLC0415 - 10 ms, only when it pays

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = [hyperscan.HS_FLAG_DOTALL] * len(patterns)
    database.compile(expressions=list(patterns), ids=list(range(len(patterns))), elements=len(patterns), flags=flags)
    return database
