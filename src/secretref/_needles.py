"""What is searched for: values become forms, forms become finders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from typing import Literal

from pydantic import SecretBytes, SecretStr

from secretref._analysis import Analysis, Gathering, analyse
from secretref._encodings import COMMON, MINIMUM, Form
from secretref._lines import LineMatcher
from secretref._matcher import Finder, Matcher, Span
from secretref._views import around, search, wrapped_from
from secretref.errors import InputError, WeakSecretError

__all__ = ["Needles", "Registration", "Registry", "Union", "Value", "Views"]

Views = Literal["deep", "strict", "fast", "off"]

Value = str | SecretStr | bytes | SecretBytes

_MOST_FIRST: tuple[Views, ...] = ("deep", "strict", "fast", "off")

_AROUND = 8
"""How much longer a form may become in an encoding, for the fast views."""

_WEAK = 8
"""Values shorter than this many characters are reported, because a masker confirms guesses of them."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a value that was registered.

    Attributes:
        name: The name it was registered under.
        weak: It is too short or too common to be hidden everywhere.
        reason: Why it is weak; empty otherwise. Never the value or its length.
    """

    name: str
    weak: bool
    reason: str = ""


class Needles:
    """All that is searched for at one moment. Immutable; a registration makes a new one.

    Attributes:
        sign: The mark, in UTF-8.
        views: Which decodings are searched.
        finders: What finds the values.
        reach: Most bytes that one occurrence spans.
        numeric: The decimal text of a number may hold a value.
        levels: The matchers among the finders.
        known: What is known of the values.
        affected_forms: Forms that a mark can complete.
        sources: Whose values these are.
    """

    def __init__(
        self,
        sign: bytes,
        views: Views,
        levels: Sequence[Matcher],
        known: Analysis,
        *,
        affected: frozenset[Form],
        sources: frozenset[object],
    ) -> None:
        self.sources = sources
        self.sign, self.views = sign, views
        self.finders: tuple[Finder, ...] = (*levels, LineMatcher(known.lines)) if known.lines else tuple(levels)
        self.reach = 1 + max((finder.reach for finder in self.finders), default=0)
        self.numeric = bool(known.numeric)
        self.levels = tuple(levels)
        self.known = known
        self.affected_forms = affected

    def __repr__(self) -> str:
        return "Needles()"

    @cached_property
    def affected(self) -> Matcher | None:
        """Finds the forms that a mark can complete; None if there are none."""
        return (
            Matcher(form._replace(left=False, right=False) for form in self.affected_forms)
            if self.affected_forms
            else None
        )

    @cached_property
    def _fragments(self) -> Matcher:
        anchors = {Form(max(line.split(b"\n"), key=len)) for line in self.known.lines}
        forms = (form for level in self.levels for form in level.forms)
        known = (*forms, *self.known.fragments, *anchors)
        return Matcher(known)

    @cached_property
    def _numbers(self) -> Matcher:
        return Matcher(self.known.numeric)

    def may_be_in_numbers(self, numbers: Sequence[object]) -> bool:
        """Tell whether the decimal text of some of the *numbers* may hold a value."""
        if not self.numeric or not numbers:
            return False
        try:
            return bool(self._numbers.places(repr(numbers).encode()))
        except ValueError:  # more digits than Python prints
            return True

    def hidden(self, data: bytes, *, start: int = 0, final: bool = True) -> list[Span]:
        """Ranges of *data* to hide, in no order, also those because of what they decode to.

        Args:
            data: The bytes to search.
            start: Literal forms that begin before it are left out: what stands in front of *data* may change them.
            final: Nothing follows.
        """
        if self.views == "fast" and not self._fragments.places(data):
            return []
        found = self.spans(data, final=final)
        if start:
            found = [span for span in found if span[0] >= start]
        return found + self.decoded_spans(data) if self.views != "off" else found

    def spans(self, data: bytes, *, final: bool = True) -> list[Span]:
        """Ranges of *data* to hide because of a literal form."""
        if len(self.finders) == 1:
            return self.finders[0].spans(data, final=final)[0]
        return [span for finder in self.finders for span in finder.spans(data, final=final)[0]]

    def places(self, data: bytes) -> list[Span]:
        """Ranges of *data* that read like a literal form, whatever stands beside them."""
        if len(self.finders) == 1:
            return self.finders[0].places(data)
        return [span for finder in self.finders for span in finder.places(data)]

    def decoded_spans(self, data: bytes) -> list[Span]:
        """Ranges of *data* to hide because of what they decode to."""
        if self.views == "off":
            return []
        parts = [(0, len(data))]
        if self.views == "fast":
            parts = around([end for _, end in self._fragments.places(data)], _AROUND * self.reach, len(data))
        return [
            (start + at, end + at)
            for at, stop in parts
            for start, end in search(
                data[at:stop],
                self._find_in_view,
                least=self.known.least,
                wide=self.known.wide,
                blanks=self.known.blanks,
                guess=self.views == "deep",
            )
        ]

    def wrapped_from(self, lines: bytes) -> int:
        """Tell from which offset complete *lines* may begin what the next line continues in another encoding."""
        return wrapped_from(lines, self._held_from, self.reach)

    def _held_from(self, data: bytes) -> int:
        return min((finder.held_from(data) for finder in self.finders), default=len(data))

    def _find_in_view(self, data: bytes) -> list[Span]:
        if len(self.finders) == 1:
            return self.finders[0].spans(data, words=False)[0]
        return [span for finder in self.finders for span in finder.spans(data, words=False)[0]]


class Registry:
    """Registered values. Safe to share between threads; readers work on an immutable snapshot."""

    def __init__(self, mark: str, views: Views) -> None:
        self.mark, self.sign = mark, mark.encode("utf-8", "surrogatepass")
        self.views: Views = views
        self.weak: frozenset[str] = frozenset()
        self._lock = threading.RLock()
        self._known = Gathering()
        self._fresh: set[Form] = set()
        self._levels: list[Matcher] = []
        self._affected: set[Form] = set()
        self._snapshot: Needles | None = None

    def __repr__(self) -> str:
        return "Registry()"

    def register(self, values: Mapping[str, Value], *, strict: bool) -> list[Registration]:
        """Add values; all or none.

        Raises:
            WeakSecretError: *strict*, and some values are weak; carries all their names.
            InputError: A value is neither text nor bytes, or a name no text.
        """
        if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
            raise InputError("values are a mapping of names, which are text")
        plain = {name: _plain(value) for name, value in values.items()}
        reasons = {name: self._weakness(value) for name, value in plain.items()}
        weak = [name for name, reason in reasons.items() if reason]
        if weak and strict:
            raise WeakSecretError(weak)
        for value in plain.values():
            self._add(value)
        self.weak |= frozenset(weak)
        return [Registration(name, bool(reason), reason) for name, reason in reasons.items()]

    def _weakness(self, value: str | bytes) -> str:
        """Say why a value cannot be hidden everywhere; empty if it can."""
        text = value.strip() if isinstance(value, str) else value.decode("latin-1")
        if not text:
            return "blank: never searched for"
        if self._is_within_marks(text.encode("utf-8", "surrogatepass")):
            return "reads like the mark: never searched for"
        if len(text) < 3:
            return "too short: never searched for"
        if text.lower() in COMMON:
            return "a common word: never searched for"
        if len(text) < MINIMUM:
            return "short: hidden as a whole word only"
        return "short enough to be guessed" if len(text) < _WEAK else ""

    def _add(self, value: str | bytes) -> None:
        analysis = analyse(value, fragments=self.views == "fast")
        with self._lock:
            new = {form for form in analysis.forms if not (form in self._known or self._is_within_marks(form.literal))}
            unmarked = {form: self._unmarked(form) for form in new}
            self._affected |= {form for form, rest in unmarked.items() if form.word or rest == []}
            new |= {part for rest in unmarked.values() for part in rest or () if part not in self._known}
            self._known.add(analysis, new)
            self._fresh |= new
            self._snapshot = None

    def _is_within_marks(self, literal: bytes) -> bool:
        """Tell whether *literal* reads like a part of repeated marks, and so counts as hidden already."""
        return literal[:1] in self.sign and literal in self.sign * (len(literal) // len(self.sign) + 2)

    def _unmarked(self, form: Form) -> list[Form] | None:
        """List the longer parts of *form* that no mark can stand for; None if no mark can complete it.

        A mark beside ``rest*`` or inside ``a***b`` could complete such a form. Hiding its parts on their own rules
        that out without looking back over text that has gone out.
        """
        if self.sign[:1] not in form.literal and self.sign[-1:] not in form.literal:
            return None
        parts = form.literal.split(self.sign)
        if len(parts) == 1 and not self._overlaps(form.literal):
            return None
        for at in range(len(parts)):
            while cut := self._overlaps(parts[at]):
                parts[at] = parts[at][cut:] if cut > 0 else parts[at][:cut]
        return [Form(part, caseless=form.caseless) for part in parts if len(part) >= MINIMUM]

    def _overlaps(self, literal: bytes) -> int:
        """Length of the end of a mark that *literal* begins with, or minus that of a beginning it ends with."""
        for size in range(len(self.sign) - 1, 0, -1):
            if literal.startswith(self.sign[-size:]):
                return size
            if literal.endswith(self.sign[:size]):
                return -size
        return 0

    def current(self) -> Needles:
        """Take the needles of this moment.

        What was registered since the last call goes to the smallest level. Each level is more than twice the next,
        so that registering one by one builds every form a few times at most.
        """
        snapshot = self._snapshot
        if snapshot is None:
            with self._lock:
                taken = set(self._fresh)
                levels, fresh = [*self._levels], set(taken)
                if fresh:
                    while levels and len(levels[-1]) <= 2 * len(fresh):
                        fresh.update(levels.pop().forms)
                    levels.append(Matcher(fresh))
                # Building allocates, so a finaliser may have run here that logs and asks for needles in its turn.
                self._levels, self._fresh = levels, self._fresh - taken
                snapshot = self._snapshot = Needles(
                    self.sign,
                    self.views,
                    levels,
                    self._known.analysis(),
                    affected=frozenset(self._affected),
                    sources=frozenset((self,)),
                )
        return snapshot


def _plain(value: Value) -> str | bytes:
    """Take the plaintext of a value; bytes that are UTF-8 count as text."""
    if isinstance(value, (SecretStr, SecretBytes)):
        value = value.get_secret_value()
    if isinstance(value, str):
        return str.__str__(value)
    if not isinstance(value, bytes):
        raise InputError("a value is text or bytes")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


class Union:
    """The values of several registries, whichever they are at each moment."""

    def __init__(self, members: Callable[[], Sequence[Registry]]) -> None:
        self._members = members
        self._parts: tuple[Needles, ...] = ()
        self._joined = _joined(())

    def __repr__(self) -> str:
        return "Union()"

    @property
    def mark(self) -> str:
        """The mark of the first, or the usual one."""
        return next((member.mark for member in self._members()), "***")

    @property
    def weak(self) -> frozenset[str]:
        """Names of weak values in any of them."""
        return frozenset[str]().union(*(member.weak for member in self._members()))

    def register(self, _values: Mapping[str, Value], *, strict: bool) -> list[Registration]:  # noqa: ARG002 - Registry's
        """Refuse: a value belongs to one of the members."""
        raise InputError("a union of redactors takes no values of its own")

    def current(self) -> Needles:
        """Take the needles of this moment."""
        parts = tuple(member.current() for member in self._members())
        if len(parts) == 1:
            return parts[0]
        if len(parts) != len(self._parts) or not all(map(is_, parts, self._parts)):
            self._joined = _joined(parts)  # before the parts: another thread may ask in between
            self._parts = parts
        return self._joined


def _joined(parts: Sequence[Needles]) -> Needles:
    """Join needles; the automata are shared."""
    known = Gathering()
    for part in parts:
        known.add(part.known, set())
    views: Views = min((part.views for part in parts), key=_MOST_FIRST.index, default="off")
    levels = [level for part in parts for level in part.levels]
    affected = frozenset[Form]().union(*(part.affected_forms for part in parts))
    sources = frozenset[object]().union(*(part.sources for part in parts))
    return Needles(
        parts[0].sign if parts else b"***", views, levels, known.analysis(), affected=affected, sources=sources
    )
