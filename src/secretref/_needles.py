"""What is searched for: values become forms, forms become finders."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import SecretBytes, SecretStr

from secretref._derived import is_multiline, parts
from secretref._encodings import COMMON, MINIMUM, Form, binary_forms, forms
from secretref._lines import LineMatcher, collapsed
from secretref._matcher import Finder, Matcher, Span
from secretref._views import folded, search, wrapped_from
from secretref.errors import InputError, WeakSecretError

__all__ = ["Needles", "Registration", "Registry", "Value"]

Value = str | SecretStr | bytes | SecretBytes

_WEAK = 8
"""Values shorter than this many characters are reported, because a masker confirms guesses of them."""

_NUMERIC = re.compile(r"[0-9.eE+-]*[0-9][0-9.eE+-]*")


_UNRESERVED = re.compile(r"[A-Za-z0-9._-]+")
_PRINTED = re.compile(r"[!#-%(-;=?-\[\]-~]+")


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
        finders: What finds the values.
        reach: Most bytes that one occurrence spans.
        numeric: The decimal text of a number may hold a value.
    """

    def __init__(
        self,
        sign: bytes,
        levels: Sequence[Matcher],
        lines: frozenset[bytes],
        affected: frozenset[Form],
        *,
        numeric: bool,
        least: int,
        letters: frozenset[Form] | None,
    ) -> None:
        self.sign = sign
        self.finders: tuple[Finder, ...] = (*levels, LineMatcher(lines)) if lines else tuple(levels)
        self.reach = 1 + max((finder.reach for finder in self.finders), default=0)
        self.numeric = numeric
        self._affected = affected
        self._least = least
        self._longest_runs = letters

    def __repr__(self) -> str:
        return "Needles()"

    @cached_property
    def affected(self) -> Matcher | None:
        """Finds the forms that a mark can complete; None if there are none."""
        return Matcher(form._replace(left=False, right=False) for form in self._affected) if self._affected else None

    @cached_property
    def _letters(self) -> Matcher | None:
        return None if self._longest_runs is None else Matcher(self._longest_runs)

    def spans(self, data: bytes, *, final: bool = True) -> list[Span]:
        """Ranges of *data* to hide, in no order."""
        return [span for finder in self.finders for span in finder.spans(data, final=final)[0]]

    def literals(self, data: bytes) -> set[bytes]:
        """List what of *data* reads like a form, whatever stands beside it."""
        return {literal for finder in self.finders for literal in finder.literals(data)}

    def decoded_spans(self, data: bytes) -> list[Span]:
        """Ranges of *data* to hide because of what they decode to, in no order."""
        return search(data, self._find_in_view, least=self._least, reach=self.reach, letters=self._letters)

    def wrapped_from(self, lines: bytes) -> int:
        """Tell from which offset complete *lines* may begin what the next line continues in another encoding."""
        return wrapped_from(
            lines, lambda text: min((finder.held_from(text) for finder in self.finders), default=len(text))
        )

    def _find_in_view(self, data: bytes) -> list[Span]:
        return [span for finder in self.finders for span in finder.spans(data, words=False)[0]]


class Registry:
    """Registered values. Safe to share between threads; readers work on an immutable snapshot."""

    def __init__(self, mark: str) -> None:
        self.mark, self.sign = mark, mark.encode("utf-8", "surrogatepass")
        self.weak: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._forms: set[Form] = set()
        self._fresh: set[Form] = set()
        self._levels: list[Matcher] = []
        self._lines: frozenset[bytes] = frozenset()
        self._affected: frozenset[Form] = frozenset()
        self._least = 2 * _WEAK
        self._letters: frozenset[Form] | None = frozenset()
        self._numeric = False
        self._snapshot: Needles | None = None

    def __repr__(self) -> str:
        return "Registry()"

    def register(self, values: Mapping[str, Value], *, strict: bool) -> list[Registration]:
        """Add values; all or none.

        Raises:
            WeakSecretError: *strict*, and some values are weak; carries all their names.
            InputError: A value is neither text nor bytes.
        """
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
        if isinstance(value, bytes):
            found, lines, numeric, least = set(binary_forms(value)), set[bytes](), False, len(value)
            letters = None
        else:
            hidden = {value, *parts(value)}
            found = {form for text in hidden for form in forms(text)}
            lines = {collapsed(text.encode("utf-8", "surrogatepass")) for text in hidden if is_multiline(text)}
            folds = (fold for text in hidden for fold in folded(text.encode("utf-8", "surrogatepass")))
            found |= {Form(fold) for fold in folds if len(fold) >= MINIMUM}
            least = min((len(text) for text in hidden if len(text) >= MINIMUM), default=2 * _WEAK)
            letters = _longest_runs(text for text in hidden if len(text) >= MINIMUM)
            numeric = any(_NUMERIC.fullmatch(text.strip()) for text in hidden) or any(
                form.literal.isdigit() for form in found
            )
        with self._lock:
            new = {form for form in found - self._forms if not self._is_within_marks(form.literal)}
            unmarked = {form: self._unmarked(form) for form in new}
            self._affected |= {form for form, rest in unmarked.items() if form.word or rest == []}
            new |= {part for rest in unmarked.values() for part in rest or ()} - self._forms
            self._forms |= new
            self._fresh |= new
            self._lines |= lines
            self._least = min(self._least, max(MINIMUM, least))
            self._letters = None if self._letters is None or letters is None else self._letters | letters
            self._numeric |= numeric
            self._snapshot = None

    def _is_within_marks(self, literal: bytes) -> bool:
        """Tell whether *literal* reads like a part of repeated marks, and so counts as hidden already."""
        return literal in self.sign * (len(literal) // len(self.sign) + 2)

    def _unmarked(self, form: Form) -> list[Form] | None:
        """List the longer parts of *form* that no mark can stand for; None if no mark can complete it.

        A mark beside ``rest*`` or inside ``a***b`` could complete such a form. Hiding its parts on their own rules
        that out without looking back over text that has gone out.
        """
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
                if self._fresh:
                    fresh, self._fresh = self._fresh, set()
                    while self._levels and len(self._levels[-1]) <= 2 * len(fresh):
                        fresh.update(self._levels.pop().forms)
                    self._levels.append(Matcher(fresh))
                snapshot = self._snapshot = Needles(
                    self.sign,
                    self._levels,
                    self._lines,
                    self._affected,
                    numeric=self._numeric,
                    least=self._least,
                    letters=self._letters,
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


def _longest_runs(values: Iterable[str]) -> frozenset[Form] | None:
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
