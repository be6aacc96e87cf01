"""Hide known values in text, bytes, objects and streams."""

from __future__ import annotations

import builtins
import marshal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NewType, NoReturn, get_args

from secretref._exceptions import redacted
from secretref._matcher import Span
from secretref._needles import Needles, Registration, Registry, Union, Value, Views
from secretref._objects import rewrite
from secretref._stream import WITHHELD, Mode, RedactionStream, Settler, merge, splice, whole_characters
from secretref.errors import ConfigurationError, InputError

__all__ = ["RedactedText", "Redactor", "Views"]

RedactedText = NewType("RedactedText", str)
"""Text that has passed a redactor; records take nothing less."""

_BLOCK = 1 << 18
"""Characters of a long text that are encoded and searched at once."""

_ENCODED = 12
"""How much longer a value may be in an encoding than in its longest form."""

_PASSES = 8
"""A mark can put two halves of an encoding side by side; then the result is searched again."""


class Redactor:
    """Hide known values wherever they appear, in every form a program may give them.

    Safe to share between threads; values can be registered at any time. Any failure inside withholds the text.

    Args:
        values: Names and their values.
        mark: The text put instead of a value, the same for all.
        strict: Refuse values that are too weak to be searched for safely.
        views: Which decodings are searched as well: ``"strict"`` for records and outputs, ``"fast"`` for log
            volume, ``"off"`` for literal forms only; ``"deep"`` tries unusual ones, too, and is slow.

    Raises:
        WeakSecretError: *strict*, and some values are weak; carries all their names.
        ConfigurationError: The mark or *views* cannot be used.
    """

    __slots__ = ("_registry", "_strict")

    def __init__(
        self,
        values: Mapping[str, Value] | None = None,
        *,
        mark: str = "***",
        strict: bool = False,
        views: Views = "strict",
    ) -> None:
        if not mark:
            raise ConfigurationError("the mark must not be empty")
        if views not in get_args(Views):
            raise ConfigurationError("views must be deep, strict, fast or off")
        self._strict = strict
        self._registry: Registry | Union = Registry(mark, views)
        self._registry.register(values or {}, strict=strict)

    def __repr__(self) -> str:
        return "Redactor()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor holds values and cannot be pickled or copied")

    @classmethod
    def union(cls, members: Callable[[], Sequence[Redactor]]) -> Redactor:
        """Make a redactor of what several others hide, so that values of different ones may overlap.

        Args:
            members: Asked at each call which redactors count, none of them a union.
        """
        joined = cls()
        joined._registry = Union(lambda: [one._registry for one in members() if isinstance(one._registry, Registry)])  # noqa: SLF001
        return joined

    @property
    def mark(self) -> str:
        """The text put instead of a value."""
        return self._registry.mark

    @property
    def weak(self) -> frozenset[str]:
        """Names of values that are too short or too common to be hidden everywhere."""
        return self._registry.weak

    def register(self, name: str, value: Value) -> Registration:
        """Hide *value* from now on, at once, in every thread and every open stream.

        Raises:
            WeakSecretError: The redactor is strict and the value weak.
            InputError: The value is neither text nor bytes.
        """
        return self._registry.register({name: value}, strict=self._strict)[0]

    def text(self, text: str) -> RedactedText:
        """Hide every value in *text*; clean text comes back as the same object.

        Raises:
            InputError: *text* is no ``str``.
        """
        if not isinstance(text, str):
            raise InputError("text expected")
        try:
            return RedactedText(self._redacted_text(str.__str__(text)))
        except Exception:  # noqa: BLE001 - whatever failed, the text must not pass
            return RedactedText(WITHHELD)

    def bytes(self, data: builtins.bytes | bytearray | memoryview) -> builtins.bytes:
        """Hide every value in *data*; clean ``bytes`` come back as the same object.

        Raises:
            InputError: *data* is not bytes-like.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InputError("bytes expected")
        try:
            return self._redacted_bytes(bytes(data))
        except Exception:  # noqa: BLE001 - whatever failed, the bytes must not pass
            return WITHHELD.encode("ascii")

    def _redacted_bytes(self, data: builtins.bytes) -> builtins.bytes:
        needles = self._registry.current()
        for _ in range(_PASSES):
            spans = needles.hidden(data)
            if not spans:
                return data
            data = _replaced(needles, data, merge(spans))
            if needles.views == "off":
                return data
        raise OverflowError

    def _redacted_text(self, text: str) -> str:
        needles = self._registry.current()
        for _ in range(_PASSES):
            blocks: list[bytes] = []
            spans = _spans_of_text(needles, text, blocks)
            if not spans:
                return text
            text = (
                _replaced_in_text(needles, text, spans)
                if text.isascii()
                else _spliced(needles, b"".join(blocks), spans)
            )
            if needles.views == "off":
                return text
        raise OverflowError

    def data(self, value: object) -> object:
        """Hide every value in a copy of *value*; clean objects come back as the same object.

        Types are kept and *value* is never changed. Numbers whose decimal text holds a value become the mark.

        Raises:
            InputError: A generator, an iterator or an awaitable: it cannot be looked into without using it up.
        """
        refusal: InputError | None = None
        try:
            return self._redacted_data(value)
        except InputError as error:
            refusal = InputError(error.reason, place=error.place)
        except Exception:  # noqa: BLE001 - whatever failed, the object must not pass
            return WITHHELD
        raise refusal

    def _redacted_data(self, value: object) -> object:
        """Serialise once and scan once; walk only what is not clean, or what ``marshal`` cannot tell.

        ``marshal`` writes strings raw and refuses whatever is not a plain built-in object. Numbers it writes in binary.
        """
        needles = self._registry.current()
        if not needles.finders:
            return value
        blob = _serialised(value)
        if blob is not None and not needles.may_be_in_numbers(value):
            literals = {blob[start:end] for start, end in needles.places(blob)}
            texts = _texts(value) or blob if needles.views != "off" else b""
            decoded = needles.decoded_spans(texts)
            if not decoded or _covers(needles.spans(texts), decoded):
                try:
                    found = [literal.decode() for literal in literals]
                    hide = self.text if needles.affected else self._literal_text
                    return _patched(value, found, hide, self.bytes) if found else value
                except (LookupError, RecursionError, UnicodeDecodeError):
                    pass  # a changed key, a deep or cyclic structure, binary data: the walk can do it
        return rewrite(
            value, text=self.text, data=self.bytes, mark=self.mark, exception=self.exception, numbers=needles.numeric
        )

    def _literal_text(self, text: str) -> str:
        """Hide the literal forms only, where the views are known to hold nothing."""
        needles = self._registry.current()
        data = text.encode("utf-8", "surrogatepass")
        spans = needles.spans(data)
        return _spliced(needles, data, spans) if spans else text

    def exception(self, exception: BaseException) -> BaseException:
        """Copy an exception with every value hidden: its text, attributes, notes, chain, group members and traceback.

        The type is kept where it can be; else a ``RedactedError`` stands in. Frames hold no locals.
        """
        numeric = self._registry.current().numeric
        return redacted(exception, text=self.text, data=self.bytes, mark=self.mark, numbers=numeric)

    def stream(self, mode: Mode = "line") -> RedactionStream:
        """Open a stream of chunks, all text or all bytes, to be redacted as if they were one text.

        Args:
            mode: ``"line"`` holds the unfinished line back; ``"eager"`` only what may begin a value.

        Raises:
            ConfigurationError: There is no such mode.
        """
        return RedactionStream(self._registry.current, mode)


def _spliced(needles: Needles, data: bytes, spans: list[Span]) -> str:
    """Hide ranges of UTF-8."""
    ranges = merge([whole_characters(data, span) for span in spans])
    return _replaced(needles, data, ranges).decode("utf-8", "surrogatepass")


def _replaced_in_text(needles: Needles, text: str, spans: list[Span]) -> str:
    """Hide ranges of ASCII text."""
    ranges = merge(spans)
    if _assembles(needles, text, ranges):
        return _replaced(needles, text.encode(), ranges).decode("utf-8", "surrogatepass")
    return splice(text, ranges, needles.sign.decode("utf-8", "surrogatepass"))


def _replaced(needles: Needles, data: bytes, ranges: list[Span]) -> bytes:
    """Put the mark in the place of each range, and hide what the marks assemble."""
    replaced = splice(data, ranges, needles.sign)
    return Settler(needles).feed(replaced, final=True) if _assembles(needles, data, ranges) else replaced


def _assembles(needles: Needles, data: str | bytes, ranges: list[Span]) -> bool:
    """Tell whether marks in the place of *ranges* complete a form; only what stands beside them is searched."""
    if needles.affected is None:
        return False
    near = needles.affected.longest
    beside: list[bytes] = []
    done = 0
    for start, end in (*ranges, (len(data), 0)):
        far = start - done > 2 * near
        pieces = (data[done : done + near], "\n", data[start - near : start]) if far else (data[done:start],)
        beside.append(b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces))
        done = end
    return bool(needles.affected.spans(needles.sign.join(beside))[0])


def _spans_of_text(needles: Needles, text: str, blocks: list[bytes]) -> list[Span]:
    """Ranges of the UTF-8 of *text* to hide. Long text is searched in blocks that overlap.

    Args:
        needles: What to look for.
        text: Any text.
        blocks: Takes the UTF-8 of text that is not ASCII, piece by piece.
    """
    overlap = needles.reach if needles.views == "off" else _ENCODED * needles.reach
    if len(text) <= _BLOCK:
        blocks.append(text.encode("utf-8", "surrogatepass"))
        return needles.hidden(blocks[0])
    spans: list[Span] = []
    if text.isascii():
        for start in range(0, len(text), _BLOCK):
            first = max(0, start - 1)
            data = text[first : start + _BLOCK + overlap].encode()
            found = needles.hidden(data, start=start - first, final=start + _BLOCK + overlap >= len(text))
            spans += [(begin + first, end + first) for begin, end in found] if first else found
        return spans
    blocks += (text[start : start + _BLOCK].encode("utf-8", "surrogatepass") for start in range(0, len(text), _BLOCK))
    done, before = 0, b""
    for at, block in enumerate(blocks):
        ahead = b"".join(blocks[at + 1 : at + 2 + overlap // _BLOCK])
        found = needles.hidden(before + block + ahead[:overlap], start=len(before), final=len(ahead) <= overlap)
        spans += [(begin + done - len(before), end + done - len(before)) for begin, end in found]
        done, before = done + len(block), block[-1:]
    return spans


def _patched(value: object, literals: list[str], text: Callable[[str], str], data: Callable[[bytes], bytes]) -> Any:
    """Redact the strings that hold one of *literals*, copying only what leads to them.

    Raises:
        LookupError: A key of a mapping would change, or something else that only the walk can copy.
    """
    if isinstance(value, str):
        return text(value) if any(literal in value for literal in literals) else value
    if isinstance(value, dict):
        _check_keys(value, literals)
        parts: Iterable[tuple[Any, object]] = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = enumerate(value)
    elif isinstance(value, bytearray):
        raise LookupError  # noqa: TRY004 - not a fault: it sends the caller to the walk
    else:
        return data(value) if isinstance(value, bytes) else value
    changed: dict[Any, object] = {}
    for at, part in parts:
        if type(part) is str:
            for literal in literals:
                if literal in part:
                    changed[at] = text(part)
                    break
        elif type(part) not in _SCALARS:
            new = _patched(part, literals, text, data)
            if new is not part:
                changed[at] = new
    if not changed:
        return value
    if isinstance(value, dict):
        return value | changed
    return type(value)([changed.get(at, part) for at, part in enumerate(value)])


def _check_keys(mapping: dict[Any, object], literals: list[str]) -> None:
    """Refuse keys that hold a literal, or that are neither text nor whole numbers."""
    try:
        keys = "\n".join(mapping)
    except TypeError:
        if not all(isinstance(key, (str, int)) for key in mapping):
            raise LookupError from None
        keys = "\n".join(map(str, mapping))
    for literal in literals:
        if literal in keys:
            raise LookupError


def _covers(spans: list[Span], others: list[Span]) -> bool:
    """Tell whether each of the *others* lies within one of *spans*."""
    ranges = merge(spans) if spans else []
    return all(any(start <= begin and stop <= end for start, end in ranges) for begin, stop in others)


_SCALARS = frozenset((int, float, bool, type(None)))
_PLAIN = frozenset((str, int, float, bool, type(None), bytes, complex))
_MANY = 100_000


def _serialised(value: object) -> bytes | None:
    """Write *value* with its strings raw; None if that would not show all of them."""
    if "numpy" in sys.modules and _may_hold_arrays(value):
        return None
    try:
        return marshal.dumps(value)  # type: ignore[arg-type]
    except ValueError:
        return None


def _texts(value: object) -> bytes | None:
    """Join all strings of a plain built-in object; None if there are too many, as where objects are shared.

    Unlike what ``marshal`` writes, it has no lengths in it that read like escapes.
    """
    found: list[str] = []
    others: list[bytes] = []
    nodes = [value]
    for node in nodes:
        kind = type(node)
        if kind is str:
            found.append(node)  # type: ignore[arg-type]
        elif kind is dict:
            nodes += node  # type: ignore[arg-type]
            nodes += node.values()  # type: ignore[attr-defined]
            if len(nodes) > _MANY:
                return None
        elif kind in (list, tuple, set, frozenset):
            nodes += node  # type: ignore[arg-type]
            if len(nodes) > _MANY:
                return None
        elif kind in (bytes, bytearray):
            others.append(node)  # type: ignore[arg-type]
    return b"\0".join(["\0".join(found).encode("utf-8", "surrogatepass"), *others])


def _may_hold_arrays(value: object) -> bool:
    """Tell whether something but plain built-in objects hangs on *value*; ``marshal`` takes an array for bytes."""
    nodes = [value]
    for node in nodes:
        kind = type(node)
        if kind is dict:
            nodes += node.values()  # type: ignore[attr-defined]
        elif kind in (list, tuple, set, frozenset):
            nodes += node  # type: ignore[arg-type]
        elif kind not in _PLAIN or len(nodes) > _MANY:
            return True
    return False
