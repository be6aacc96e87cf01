"""Find every occurrence of many literals in bytes.

Plan
1. A few literals over a little text: ``bytes.find`` for each; it needs no set-up.
2. When that has cost as much as building an automaton would have: Hyperscan, one pass for all literals.
   Renting until the rent equals the price is never more than twice as dear as the best choice.
3. Both report the same occurrences: all of them, overlapping ones included.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Protocol

from secretref._automaton import Automaton, exactly
from secretref._encodings import BASE64_DIGITS, Form

__all__ = ["Finder", "Matcher", "Span"]

Span = tuple[int, int]
"""Half-open range, in bytes."""

_Occurrences = tuple[list[Span], list[tuple[int, int, int]]]
"""Ranges as they stand; and index, start and end of those whose form has conditions."""

_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_PAST_CORE = re.compile(rb"[A-Za-z0-9+/_-]?(?:=|%3[Dd]){0,2}")
"""One undetermined digit behind a base64 core, and the padding."""

_LOOKAHEAD = 7
"""Bytes behind a base64 core that may belong to it: a digit, and padding of up to two ``%3D``."""

# Costs in nanoseconds, read on one machine; only their rough proportion matters.
_FIND_CALL, _FIND_BYTE = 300, 0.1
_BUILD, _BUILD_LITERAL = 1_000_000, 12_000


class Finder(Protocol):
    """Whatever finds ranges to hide in bytes."""

    @property
    def reach(self) -> int:
        """Most bytes that one occurrence spans."""

    def spans(self, data: bytes, *, final: bool = True, words: bool = True) -> tuple[list[Span], int]:
        """Find ranges, and the offset of the first occurrence that is still open; see ``Matcher.spans``."""

    def held_from(self, data: bytes) -> int:
        """Tell from which offset *data* may begin an occurrence that ends behind it."""

    def begun_from(self, data: bytes) -> int:
        """Tell from which offset *data* ends with half of an occurrence or more, eight bytes at least."""

    def places(self, data: bytes) -> list[Span]:
        """List where *data* reads like a form, whatever stands beside it."""


class Matcher:
    """All occurrences of a fixed set of forms; safe to share between threads.

    Attributes:
        forms: What it searches for.
        longest: Length of the longest form, in bytes.
        shortest: Length of the shortest form, in bytes.
        reach: Most bytes that one occurrence spans, neighbour digits and padding included.
    """

    __slots__ = (
        "_breaks",
        "_ends",
        "_heads",
        "_left",
        "_literals",
        "_lock",
        "_plain",
        "_spent",
        "forms",
        "longest",
        "reach",
        "shortest",
    )

    def __init__(self, forms: Iterable[Form]) -> None:
        merged: dict[tuple[bytes, bool], Form] = {}
        for form in forms:
            literal = form.literal.lower() if form.caseless else form.literal
            known = merged.get((literal, form.caseless))
            merged[literal, form.caseless] = (
                _both(known, form) if known else form if literal == form.literal else form._replace(literal=literal)
            )
        # Forms without conditions and neighbours come first: their occurrences are ranges as they stand.
        conditional = [form for form in merged.values() if form.word or form.left or form.right]
        self.forms = (*(form for form in merged.values() if not (form.word or form.left or form.right)), *conditional)
        self._plain = len(self.forms) - len(conditional)
        self._left = any(form.left for form in self.forms)
        self._literals = [(index, form.literal, form.caseless) for index, form in enumerate(self.forms)]
        self._breaks = any(b"\n" in form.literal for form in self.forms)
        lengths = [len(form.literal) for form in self.forms]
        self.longest, self.shortest = max(lengths, default=0), min(lengths, default=1)
        self.reach = self.longest + _LOOKAHEAD + 1
        self._heads: _Heads | None = None
        self._ends: _Ends | None = None
        self._spent = 0.0
        self._lock = threading.RLock()  # a finaliser that logs may come back while it is held

    def __len__(self) -> int:
        return len(self.forms)

    def __repr__(self) -> str:
        return "Matcher()"

    def spans(self, data: bytes, *, final: bool = True, words: bool = True) -> tuple[list[Span], int]:
        """Find the ranges to hide in *data*.

        Args:
            data: The bytes to search.
            final: Nothing follows. If something may, an occurrence can be open: its end depends on it.
            words: Look for whole words, too.

        Returns:
            The ranges, in no order and possibly overlapping, open words left out; and the offset of the first
            open occurrence, or the length of *data*.
        """
        found, conditional = self._occurrences(data)
        opened = len(data)
        if not conditional:
            return found, opened
        for index, start, end in conditional:
            form = self.forms[index]
            if form.word:
                if not words or not _stands_alone(data, start, end):
                    continue
                if end == len(data) and not final:
                    opened = min(opened, start)
                    continue
            if form.left and start and data[start - 1] in BASE64_DIGITS:
                start -= 1  # noqa: PLW2901 - the occurrence grows
            if form.right:
                if not final and end + _LOOKAHEAD > len(data):
                    opened = min(opened, start)
                end = _PAST_CORE.match(data, end).end()  # type: ignore[union-attr]  # noqa: PLW2901 - the occurrence grows
            found.append((start, end))
        return found, opened

    def places(self, data: bytes) -> list[Span]:
        """List where *data* reads like a form, whatever stands beside it."""
        found, conditional = self._occurrences(data)
        return found + [(start, end) for _, start, end in conditional]

    def held_from(self, data: bytes) -> int:
        """Tell from which offset *data* may begin an occurrence that ends behind it."""
        if not self._breaks and data.endswith(b"\n"):
            return len(data)
        start = len(data) - max((len(begun) for begun, _ in self._begun(data)), default=0)
        return start - 1 if self._left and start and data[start - 1] in BASE64_DIGITS else start

    def begun_from(self, data: bytes) -> int:
        """Tell from which offset *data* ends with half of an occurrence or more, eight bytes at least."""
        enough = (
            len(begun)
            for begun, prefixes in self._begun(data)
            if len(begun) >= 8 and 2 * len(begun) >= prefixes.shortest(begun)
        )
        return len(data) - max(enough, default=0)

    def _begun(self, data: bytes) -> Iterator[tuple[bytes, _Prefixes]]:
        """Suffixes that are proper prefixes of a form."""
        if self._heads is None:
            self._heads = _Heads(self.forms)
        return self._heads.suffixes(data[-self.longest :])

    def _occurrences(self, data: bytes) -> _Occurrences:
        if len(data) < self.shortest or not self.forms:
            return [], []
        if self._ends is None:
            self._spent += len(self.forms) * (_FIND_CALL + len(data) * _FIND_BYTE)
            if self._spent > _BUILD + _BUILD_LITERAL * len(self.forms):
                with self._lock:
                    self._ends = self._ends or _Ends(self.forms, self._plain)
        return self._find_each(data) if self._ends is None else self._ends.occurrences(data)

    def _find_each(self, data: bytes) -> _Occurrences:
        found: list[Span] = []
        conditional: list[tuple[int, int, int]] = []
        lowered = data.lower()
        for index, literal, caseless in self._literals:
            text = lowered if caseless else data
            if literal not in text:
                continue
            start = text.find(literal)
            while start >= 0:
                if index < self._plain:
                    found.append((start, start + len(literal)))
                else:
                    conditional.append((index, start, start + len(literal)))
                start = text.find(literal, start + 1)
        return found, conditional


def _both(one: Form, other: Form) -> Form:
    """Join two forms of the same literal; the one with fewer conditions wins."""
    return one._replace(word=one.word and other.word, left=one.left or other.left, right=one.right or other.right)


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Tell whether a word begins and ends at boundaries, as a regular expression sees them."""
    begins = not start or data[start - 1] not in _WORD or data[start] not in _WORD
    ends = end == len(data) or data[end] not in _WORD or data[end - 1] not in _WORD
    return begins and ends


class _Ends:
    """All forms in one pass, found by their ends.

    Forms of a value differ in a few escapes, so many end alike: of many forms, an automaton of short ends is built in
    half the time and half as large. What stands before such an end is compared.
    """

    __slots__ = ("_automaton", "_caseless", "_plain", "_shared", "_sizes")

    _MANY = 1500
    _LONG, _SHORT = 64, 16
    """Bytes of a literal that the automaton gets; of many forms, fewer."""

    def __init__(self, forms: tuple[Form, ...], plain: int) -> None:
        size = self._SHORT if len(forms) > self._MANY else self._LONG
        ends: dict[tuple[bytes, bool], list[int]] = {}
        for index, form in enumerate(forms):
            ends.setdefault((form.literal[-size:], form.caseless), []).append(index)
        sure = {
            end: found
            for end, found in ends.items()
            if len(found) == 1 and found[0] < plain and len(forms[found[0]].literal) <= size
        }
        shared = {end: found for end, found in ends.items() if end not in sure}
        ordered = [*sure, *shared]
        self._plain = plain
        self._sizes = [len(end) for end, _ in sure]
        self._shared = [
            [(len(forms[index].literal), forms[index].literal, index) for index in found] for found in shared.values()
        ]
        self._caseless = [caseless for _, caseless in shared]
        self._automaton = Automaton(
            [exactly(end) for end, _ in ordered], caseless=[caseless for _, caseless in ordered]
        )

    def occurrences(self, data: bytes) -> _Occurrences:
        found: list[Span] = []
        unsure: list[tuple[int, int]] = []
        sizes, sure = self._sizes, len(self._sizes)

        def note(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if index < sure:
                found.append((end - sizes[index], end))
            else:
                unsure.append((index - sure, end))

        self._automaton.scan(data, note)
        return found, self._completed(data, unsure, found) if unsure else []

    def _completed(self, data: bytes, unsure: list[tuple[int, int]], found: list[Span]) -> list[tuple[int, int, int]]:
        """Compare what stands before the ends."""
        conditional = []
        plain, shared, is_caseless = self._plain, self._shared, self._caseless
        for at, end in unsure:
            caseless = is_caseless[at]
            for size, form, index in shared[at]:
                text = data[end - size : end]
                if text == form or (caseless and text.lower() == form):
                    if index < plain:
                        found.append((end - size, end))
                    else:
                        conditional.append((index, end - size, end))
        return conditional


class _Heads:
    """Beginnings of forms, for the question how much of a tail may be the beginning of one."""

    __slots__ = ("_matcher", "_prefixes", "_short")

    _SIZE = 4

    def __init__(self, forms: Iterable[Form]) -> None:
        forms = tuple(forms)
        self._prefixes = tuple(
            (_Prefixes(form.literal for form in forms if form.caseless is caseless), caseless)
            for caseless in (False, True)
        )
        self._matcher = Matcher(
            {
                Form(form.literal[: self._SIZE], caseless=form.caseless)
                for form in forms
                if len(form.literal) > self._SIZE
            }
        )
        self._short = {
            form.literal[:size].lower() for form in forms for size in range(1, self._SIZE) if size < len(form.literal)
        }

    def suffixes(self, tail: bytes) -> Iterator[tuple[bytes, _Prefixes]]:
        """Suffixes of *tail* that are proper prefixes of a literal."""
        starts = [start for start, _ in self._matcher.places(tail)]
        starts += (
            len(tail) - size for size in range(1, min(self._SIZE, len(tail) + 1)) if tail[-size:].lower() in self._short
        )
        for start in set(starts):
            for prefixes, caseless in self._prefixes:
                begun = tail[start:].lower() if caseless else tail[start:]
                if prefixes.holds(begun):
                    yield begun, prefixes


class _Prefixes:
    """Proper prefixes of a set of literals."""

    __slots__ = ("_ordered",)

    def __init__(self, literals: Iterable[bytes]) -> None:
        self._ordered = sorted(set(literals))

    def holds(self, prefix: bytes) -> bool:
        """Tell whether *prefix* is a proper prefix of one."""
        at = bisect_right(self._ordered, prefix)
        return at < len(self._ordered) and self._ordered[at].startswith(prefix)

    def shortest(self, prefix: bytes) -> int:
        """Length of the shortest literal with this proper prefix."""
        behind = map(self._ordered.__getitem__, range(bisect_right(self._ordered, prefix), len(self._ordered)))
        return min(map(len, takewhile(lambda literal: literal.startswith(prefix), behind)))
