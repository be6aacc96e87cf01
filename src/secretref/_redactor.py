"""Hide known values in text, bytes, objects and streams."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NewType, NoReturn, get_args

from secretref._exceptions import redacted
from secretref._matcher import Span
from secretref._needles import Registration, Registry, Union, Value, Views
from secretref._objects import leaves, patched, rewrite, serialised
from secretref._stream import (
    WITHHELD,
    Mode,
    RedactionStream,
    literals_replaced,
    merge,
    redacted_bytes,
    redacted_text,
)
from secretref.errors import ConfigurationError, InputError

__all__ = ["RedactedText", "Redactor", "Views"]

RedactedText = NewType("RedactedText", str)
"""Text that has passed a redactor; records take nothing less."""


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
        if not isinstance(mark, str) or not mark:
            raise ConfigurationError("the mark must be text, and not empty")
        if not isinstance(views, str) or views not in get_args(Views):
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
            InputError: The value is neither text nor bytes, or the name no text.
        """
        if not isinstance(name, str):
            raise InputError("a name is text")
        return self._registry.register({name: value}, strict=self._strict)[0]

    def text(self, text: str) -> RedactedText:
        """Hide every value in *text*; clean text comes back as the same object.

        Raises:
            InputError: *text* is no ``str``.
        """
        if not isinstance(text, str):
            raise InputError("text expected")
        try:
            return RedactedText(redacted_text(self._registry.current(), str.__str__(text)))
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
            return redacted_bytes(self._registry.current(), bytes(data))
        except Exception:  # noqa: BLE001 - whatever failed, the bytes must not pass
            return WITHHELD.encode("ascii")

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
        blob = serialised(value)
        if blob is not None:
            text, numbers = leaves(value) if needles.numeric or needles.views != "off" else (b"", [])
            decoded = needles.decoded_spans(text)
            if not needles.may_be_in_numbers(numbers) and _covers(needles.spans(text) if decoded else [], decoded):
                try:
                    found = [*{blob[start:end].decode() for start, end in needles.places(blob)}]
                    hide = self.text if needles.affected else partial(literals_replaced, needles)
                    return patched(value, found, hide, self.bytes) if found else value
                except (LookupError, RecursionError, UnicodeDecodeError):
                    pass  # a changed key, a deep or cyclic structure, binary data: the walk can do it
        return rewrite(
            value, text=self.text, data=self.bytes, mark=self.mark, exception=self.exception, numbers=needles.numeric
        )

    def exception(self, exception: BaseException) -> BaseException:
        """Copy an exception with every value hidden: its text, attributes, notes, chain, group members and traceback.

        The type is kept where it can be; else a ``RedactedError`` stands in. Frames hold no locals.

        Raises:
            InputError: *exception* is no exception.
        """
        if not isinstance(exception, BaseException):
            raise InputError("exception expected")
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


def _covers(spans: list[Span], others: list[Span]) -> bool:
    """Tell whether each of the *others* lies within *spans*."""
    return not others or (bool(spans) and merge(spans + others) == merge(spans))
