"""What is known of a value once it is registered, without the value itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from secretref._derived import is_multiline, parts
from secretref._encodings import MINIMUM, Form, base64_cores, binary_forms, forms
from secretref._lines import collapsed
from secretref._views import folded

__all__ = ["NOTHING", "Analysis", "analyse"]

_ORDINARY = 16
"""Length assumed where no value is long enough to be decoded for, in bytes."""

_NUMERIC = re.compile(r"[0-9.eE+-]*[0-9][0-9.eE+-]*")
_UNRESERVED = re.compile(r"[A-Za-z0-9._-]+")
_PRINTED = re.compile(r"[!#-%(-;=?-\[\]-~]+")
_EDGE = 12
_SEPARATORS = (b":", b"-", b" ", b",", b", ", b"\\x", b", 0x", b" 0x", b",0x")


@dataclass(frozen=True, slots=True)
class Analysis:
    """What to search for.

    Attributes:
        forms: Literals that stand for values.
        lines: Values of several lines, collapsed.
        letters: For each value a part that most escaping leaves as it is; None if one value has none.
        fragments: What encodings of the values must contain; only for the fast views.
        least: Length of the shortest value that is decoded for, in bytes.
        numeric: The decimal text of a number may hold a value.
    """

    forms: frozenset[Form]
    lines: frozenset[bytes]
    letters: frozenset[Form] | None
    fragments: frozenset[Form]
    least: int
    numeric: bool

    def __or__(self, other: Analysis) -> Analysis:
        """Join what is known of two sets of values."""
        letters = None if self.letters is None or other.letters is None else self.letters | other.letters
        return Analysis(
            self.forms | other.forms,
            self.lines | other.lines,
            letters,
            self.fragments | other.fragments,
            min(self.least, other.least),
            self.numeric or other.numeric,
        )


NOTHING = Analysis(frozenset(), frozenset(), frozenset(), frozenset(), _ORDINARY, numeric=False)


def analyse(value: str | bytes, *, fragments: bool) -> Analysis:
    """Work out what to search for; *fragments* costs as much again."""
    if isinstance(value, bytes):
        pieces = frozenset(_fragments(value)) if fragments else frozenset[Form]()
        return Analysis(
            frozenset(binary_forms(value)), frozenset(), None, pieces, max(MINIMUM, len(value)), numeric=False
        )
    hidden = {value, *parts(value)}
    decoded_for = [text for text in hidden if len(text) >= MINIMUM]
    encoded = [_utf8(text) for text in hidden]
    found = {form for text in hidden for form in forms(text)}
    found |= {Form(fold) for raw in encoded for fold in folded(raw) if len(fold) >= MINIMUM}
    return Analysis(
        forms=frozenset(found),
        lines=frozenset(collapsed(_utf8(text)) for text in hidden if is_multiline(text)),
        letters=_letters(decoded_for),
        fragments=frozenset(form for text in decoded_for for form in _fragments(_utf8(text)))
        if fragments
        else frozenset(),
        least=min(map(len, decoded_for), default=_ORDINARY),
        numeric=any(_NUMERIC.fullmatch(text.strip()) for text in hidden)
        or any(form.literal.isdigit() for form in found),
    )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _letters(values: Iterable[str]) -> frozenset[Form] | None:
    """List for each value a part that escaping leaves as it is; None if some value has none that tells anything.

    Percent escapes leave less than the others; where they leave nothing, they are a sign of their own.
    """
    found: set[str] = set()
    for value in values:
        spared, kept = (max(rule.findall(value), key=len, default="") for rule in (_UNRESERVED, _PRINTED))
        part = kept if len(spared) < 4 <= len(kept) else spared
        if len(part) < 2:
            return None
        found.add(part)
    return frozenset(Form(part.encode("ascii")) for part in found)


def _fragments(raw: bytes) -> Iterator[Form]:
    """List literals of which an encoded value holds at least one, whichever usual encoding it is.

    Base64, also twice or of UTF-16: both ends of the digits, since a line break cuts them once. Hexadecimal with
    separators, and every character escaped: the first bytes.
    """
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
