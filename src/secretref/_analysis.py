"""What is known of a value once it is registered, without the value itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from secretref._derived import may_be_folded, parts
from secretref._encodings import MINIMUM, Form, base64_cores, binary_forms, forms
from secretref._lines import collapsed
from secretref._views import folded

__all__ = ["Analysis", "Gathering", "analyse"]

_ORDINARY = 16
"""Length assumed where no value is long enough to be decoded for, in bytes."""

_NUMERIC = re.compile(rb"[0-9.eE+/j-]*[0-9][0-9.eE+/j-]*")
_UNRESERVED = re.compile(rb"[A-Za-z0-9._-]+")
_EDGE = 12
_SEPARATORS = (b":", b"-", b" ", b",", b", ", b"\\x", b", 0x", b" 0x", b",0x")


@dataclass(frozen=True, slots=True)
class Analysis:
    """What to search for.

    Attributes:
        forms: Literals that stand for values.
        lines: Values of several lines or words, collapsed.
        fragments: What encodings of the values must contain; only for the fast views.
        least: Length of the shortest value that is decoded for, in bytes.
        numeric: Forms that the decimal text of a number may hold; not the hexadecimal digits of a short value.
        wide: Some value is not ASCII.
        blanks: Some value holds a blank.
    """

    forms: frozenset[Form]
    lines: frozenset[bytes]
    fragments: frozenset[Form]
    least: int
    numeric: frozenset[Form]
    wide: bool
    blanks: bool


class Gathering:
    """What is known of all values so far. Not for several threads at once."""

    __slots__ = ("_blanks", "_forms", "_fragments", "_least", "_lines", "_numeric", "_wide")

    def __init__(self) -> None:
        self._forms: set[Form] = set()
        self._lines: set[bytes] = set()
        self._fragments: set[Form] = set()
        self._least = _ORDINARY
        self._numeric: set[Form] = set()
        self._wide = self._blanks = False

    def __contains__(self, form: Form) -> bool:
        return form in self._forms

    def add(self, analysis: Analysis, forms: set[Form]) -> None:
        """Join in what is known of a value; *forms* are those of it that count."""
        self._forms |= forms
        self._lines |= analysis.lines
        self._fragments |= analysis.fragments
        self._least = min(self._least, analysis.least)
        self._numeric |= analysis.numeric
        self._wide |= analysis.wide
        self._blanks |= analysis.blanks

    def analysis(self) -> Analysis:
        """Freeze what is known by now, without the forms."""
        lines, fragments = frozenset(self._lines), frozenset(self._fragments)
        return Analysis(frozenset(), lines, fragments, self._least, frozenset(self._numeric), self._wide, self._blanks)


def analyse(value: str | bytes, *, fragments: bool) -> Analysis:
    """Work out what to search for; *fragments* costs as much again."""
    if isinstance(value, bytes):
        pieces = frozenset(_fragments(value)) if fragments else frozenset[Form]()
        least = max(MINIMUM, len(value))
        return Analysis(
            frozenset(binary_forms(value)), frozenset(), pieces, least, numeric=frozenset(), wide=True, blanks=True
        )
    hidden = {value, *parts(value)}
    decoded_for = [text for text in hidden if len(text) >= MINIMUM]
    encoded = [_utf8(text) for text in hidden]
    for raw in [raw for raw in encoded if not raw.isascii()]:  # as HTTP headers are read and written
        encoded += (_utf8(raw.decode("latin-1")), raw.decode("utf-8", "replace").encode("latin-1", "replace"))
    found = {form for text in hidden for form in forms(text)}
    found |= {Form(fold) for raw in encoded for fold in folded(raw) if len(fold) >= MINIMUM}
    return Analysis(
        forms=frozenset(found),
        lines=frozenset(collapsed(_utf8(text)) for text in decoded_for if may_be_folded(text)),
        fragments=frozenset(form for text in decoded_for for form in _fragments(_utf8(text)))
        if fragments
        else frozenset(),
        least=min(map(len, decoded_for), default=_ORDINARY),
        numeric=frozenset(
            form for form in found if _NUMERIC.fullmatch(form.literal) and not (form.word and form.caseless)
        ),
        wide=not value.isascii(),
        blanks=" " in value,
    )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _fragments(raw: bytes) -> Iterator[Form]:
    """List literals of which an encoded value holds at least one, whichever usual encoding it is.

    Its longest part that escaping leaves as it is; base64, also twice or of UTF-16: both ends of the digits, since a
    line break cuts them once; hexadecimal with separators, and every character escaped: the first bytes.
    """
    kept = max(_UNRESERVED.findall(raw), key=len, default=b"")
    if len(kept) >= 4:
        yield Form(kept)
    for form in base64_cores(raw):
        yield from _ends(form.literal)
        for twice in base64_cores(form.literal):
            yield from _ends(twice.literal)
    wide = raw.decode("utf-8", "replace").encode("utf-16-le", "surrogatepass")
    for form in base64_cores(wide):
        yield from _ends(form.literal)
    head = raw[:4]
    for separator in _SEPARATORS:
        yield Form(separator.join(b"%02x" % byte for byte in head), caseless=True)
    for pattern in (b"\\u%04x", b"\\x%02x", b"%%%02x", b"&#x%x;", b"\\u{%x}"):
        yield Form(b"".join(pattern % byte for byte in head[:3]), caseless=True)
    for pattern in (b"&#%d;", b"\\%03o"):
        yield Form(b"".join(pattern % byte for byte in head[:3]))
    yield Form(b", ".join(b"%d" % byte for byte in head))
    yield Form(b",".join(b"%d" % byte for byte in head))


def _ends(digits: bytes) -> Iterator[Form]:
    yield Form(digits[:_EDGE])
    yield Form(digits[-_EDGE:])
