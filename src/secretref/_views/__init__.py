r"""Decoded views: a text as it reads after a decoding, each position mapped to its source.

A form is a literal. What no literal can list (a mixture of spellings, wrapped lines, one encoding inside another)
is found by decoding the text and searching the result. Plan, for a text and up to three decodings deep:

1. *Joined*: quotes, backslashes and line breaks taken out, and taken out of the values likewise. One call in C
   settles every quoting, doubling and nesting of quotes, shell concatenation and wrapped lines.
2. *Unescaped*: percent, backslash and entity escapes decoded, terminal sequences and invisible characters removed;
   the result is a text of its own and searched again.
3. *Hexadecimal*: every other character taken out, the digits decoded at both alignments. A hit counts if between
   its digits stand separators only. Dumps and lists of decimal numbers likewise.
4. *Base64*: each long run of digits in the joined text decoded at four offsets. Short runs need no decoding: the
   forms hold the digits of the value itself.

Only what decodes to readable text is searched any deeper, and the work is bounded in proportion to the text:
what would exceed the bound counts as a hit as a whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from secretref._guesses import guesses
from secretref._matcher import Span
from secretref._triggers import triggers
from secretref._views.digits import Source, base64, decimal, dumped, hexadecimal
from secretref._views.edits import Dialect, Kept
from secretref._views.escapes import edits, folded, join, joined_sources, readings
from secretref._views.wrapped import wrapped_from

__all__ = ["around", "folded", "search", "wrapped_from"]

Find = Callable[[bytes], list[Span]]

DEPTH = 3
"""Decodings composed."""

_WORK = 256
"""Bytes decoded at most for one byte of text."""

_GUESSED = 640
"""The same where unusual decodings are tried."""

_BETWEEN = b"\x1f"
"""Between phrases: no view takes it out."""

_PADDING = re.compile(rb"(?:=|%3[Dd]){1,2}")
_INVISIBLE_BYTES = bytes(
    (8, 27, 0xC2, 0xCD, 0xE1, 0xE2, 0xEF, 0x80, 0x81, 0xBB, 0xBF, *range(0x8B, 0x90), *range(0xA0, 0xB0))
)
_READABLE = bytes(32 <= byte < 127 or byte in b"\t\r\n" + _INVISIBLE_BYTES for byte in range(256))


def around(spots: list[int], radius: int, size: int) -> list[Span]:
    """Join the surroundings of *spots* in a text of *size* bytes."""
    parts: list[Span] = []
    for spot in sorted(spots):
        start, end = max(0, spot - radius), min(size, spot + radius)
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return parts


@lru_cache(maxsize=32)
def _phrases(least: int) -> re.Pattern[bytes]:
    return re.compile(rb"[\t\r\n\x08\x1b -~\x80-\xff]{%d,}" % least)


def search(data: bytes, find: Find, *, least: int, wide: bool, blanks: bool, guess: bool = False) -> list[Span]:
    """Find the ranges of *data* whose decoding holds what *find* finds.

    Args:
        data: The text; a whole string, a record or complete lines.
        find: Returns the ranges to hide in a decoded text.
        least: Length of the shortest value, in bytes: less readable text is no reason to decode again.
        wide: Some value is not ASCII, so readable text may hold any bytes.
        blanks: Some value holds a blank, which forms write as a plus sign.
        guess: Try unusual decodings, too.
    """
    work = (_GUESSED if guess else _WORK) * len(data) + 4096
    return _Search(find, least, work, wide=wide, blanks=blanks, guess=guess).spans(data, DEPTH)


class _Search:
    """One search, with what is left of its work."""

    __slots__ = ("_blanks", "_clean", "_find", "_guess", "_left", "_phrase", "_phrases", "_triggers", "_vain", "_wide")

    def __init__(self, find: Find, least: int, work: int, *, wide: bool, blanks: bool, guess: bool) -> None:
        self._find = find
        self._guess, self._wide, self._blanks = guess, wide, blanks
        self._phrase = b"\1" * min(16, max(12, least))
        self._phrases = _phrases(len(self._phrase))
        self._triggers = triggers(least)
        self._left = work
        self._clean: dict[bytes, int] = {}  # runs of digits, and how deep they were searched in vain
        self._vain: dict[bytes, int] = {}  # texts likewise

    def spans(self, data: bytes, depth: int) -> list[Span]:
        """Search *data* in all its views."""
        joined = join(data)
        inner = self._find(joined) if len(joined) < len(data) else []
        signs = self._triggers.signs(joined)
        if signs.base64:
            inner += self._in_runs(joined, signs.base64, depth)
        if signs.hexadecimal:
            inner += self._mapped(hexadecimal(joined, prefixed=signs.prefixed), depth)
        if signs.listed:
            inner += self._mapped(decimal(joined), depth)
        if inner and len(joined) < len(data):
            inner = joined_sources(data, _distinct(inner))
        found = [_with_padding(data, span) for span in inner]
        if signs.dumped:
            found += self._mapped(dumped(data), depth)
        for dialects in readings(data, wide=self._wide, blanks=self._blanks, guess=self._guess):
            found += self._in_dialects(data, dialects, depth)
        if self._guess:
            found += [source(span) for decoded, source in guesses(data) for span in self._deeper(decoded, depth)]
        return found

    def _in_runs(self, joined: bytes, runs: Sequence[Span], depth: int) -> list[Span]:
        """Search runs of base64 digits, but none twice that another view has shown to be clean."""
        digits = [joined[start:end] for start, end in runs]
        fresh = [run for run, text in zip(runs, digits, strict=True) if self._clean.get(text, 0) < depth]
        found = self._mapped(base64(joined, fresh), depth) if fresh else []
        if not found:
            self._clean.update(dict.fromkeys(digits, depth))
        return found

    def _mapped(self, views: Iterator[tuple[bytes, Source]], depth: int) -> list[Span]:
        """Search decoded bytes, and where they can be read also their own views."""
        found = (
            source(span)
            for decoded, source in views
            for span in (self._deeper(decoded, depth) if self._guess else self._in_noise(decoded, depth))
        )
        return [span for span in found if span]

    def _in_noise(self, decoded: bytes, depth: int) -> list[Span]:
        """Search bytes of which most may be noise: in all their views only the phrases that can be read."""
        found = self._deeper(decoded, 1)
        if depth > 1 and b"\0" in decoded:  # UTF-16, perhaps
            inner = self._in_phrases(decoded.translate(None, b"\0"), depth)
            return found + (Kept([(0, decoded)], b"\0").sources(inner) if inner else [])
        return found + self._in_phrases(decoded, depth) if depth > 1 else found

    def _in_phrases(self, decoded: bytes, depth: int) -> list[Span]:
        phrases = self._readable(decoded)
        inner = self.spans(_BETWEEN.join([decoded[start:end] for start, end in phrases]), depth - 1) if phrases else []
        if not inner:
            return []
        ends = [0, *accumulate(end - start + len(_BETWEEN) for start, end in phrases)]
        return [(_shifted(start, ends, phrases), _shifted(end - 1, ends, phrases) + 1) for start, end in inner]

    def _readable(self, decoded: bytes) -> list[Span]:
        """List the phrases in bytes of which most may be noise."""
        if self._wide:
            return [phrase.span() for phrase in self._phrases.finditer(decoded)]
        readable = decoded.translate(_READABLE) + b"\0"
        phrases = []
        end = 0
        while (start := readable.find(self._phrase, end)) >= 0:
            end = readable.index(b"\0", start)
            phrases.append((start, end))
        return phrases

    def _in_dialects(self, data: bytes, dialects: tuple[Dialect, ...], depth: int) -> list[Span]:
        made = edits(data, dialects)
        if not made or made[-1].decoded == data:
            return []
        found = self._deeper(made[-1].decoded, depth)
        if found:
            found = _distinct(found)
            for edit in reversed(made):
                found = edit.sources(found)
        return found

    def _deeper(self, decoded: bytes, depth: int) -> list[Span]:
        if self._vain.get(decoded, 0) >= depth:
            return []
        self._left -= len(decoded)
        if self._left < 0:
            return [(0, len(decoded))] if decoded else []
        found = self._find(decoded) + (self.spans(decoded, depth - 1) if depth > 1 else [])
        if not found:
            self._vain[decoded] = depth
        return found


def _shifted(offset: int, ends: list[int], phrases: list[Span]) -> int:
    """Map an offset in joined phrases to where the phrase stands."""
    phrase = bisect_right(ends, offset) - 1
    return phrases[phrase][0] + offset - ends[phrase]


def _distinct(spans: list[Span]) -> list[Span]:
    """Join ranges that overlap; those that only touch stay apart, for what was taken out between them stays."""
    spans.sort()
    distinct = spans[:1]
    for start, end in spans:
        if start >= distinct[-1][1]:
            distinct.append((start, end))
        elif end > distinct[-1][1]:
            distinct[-1] = (distinct[-1][0], end)
    return distinct


def _with_padding(data: bytes, span: Span) -> Span:
    padding = _PADDING.match(data, span[1])
    return (span[0], padding.end()) if padding else span
