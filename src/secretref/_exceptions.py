"""Redacted copies of exceptions: type, attributes, notes, groups and chain kept, values and frame locals left out.

1. Collect the exceptions that hang together by cause, context and group membership.
2. Make an empty copy of each without running its ``__init__``, groups after their members.
3. Redact arguments, attributes and slots into the copies; look at what each copy shows.
   One that cannot be made, or still shows a value, is replaced by a ``RedactedError``.
4. Link causes and contexts; give each a traceback of the same lines whose frames hold nothing.
5. Format the whole as a reader would, and check it again before it is handed out.
"""

from __future__ import annotations

import linecache
import traceback
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from secretref._objects import (
    UNSET,
    Rules,
    class_name,
    descriptors,
    instance_dict,
    mro,
    own_class,
    rewrite,
    slot_values,
    type_name,
)
from secretref.errors import RedactedError

__all__ = ["redacted"]

WITHHELD = "text withheld"
_SLOTS_OF_LINKS = frozenset({"exceptions", "message"})  # of a group: read-only, given to its constructor


def redacted(
    exception: BaseException,
    *,
    text: Callable[[str], str],
    data: Callable[[bytes], bytes],
    mark: str,
    numbers: bool = True,
) -> BaseException:
    """Copy *exception* with everything hidden; one that is clean and was never raised comes back itself.

    Exceptions that steer the program (``KeyboardInterrupt``, ``SystemExit``, ``CancelledError``, …) never become
    an ordinary ``Exception``.

    Args:
        exception: Any exception; it is not changed.
        text: Redacts a string; returns the same object when it is clean.
        data: The same for bytes.
        mark: The text put in place of a number.
        numbers: Look at numbers too; False when no form of a value can be read as one.

    Returns:
        The copy, or a ``RedactedError`` that names the type and holds redacted text.
    """
    copier = _Copier(text, data, mark, numbers=numbers)
    with suppress(Exception):  # whatever goes wrong, nothing of the original is passed on
        return copier.copy(exception)
    return copier.stand_in(exception, WITHHELD)


class _Copier:
    def __init__(self, text: Callable[[str], str], data: Callable[[bytes], bytes], mark: str, *, numbers: bool) -> None:
        self.rules = Rules(text, data, mark, self.inner, numbers)
        self.copies: dict[int, BaseException] = {}  # by identity of the original
        self.originals: dict[int, BaseException] = {}  # kept alive, so that identities stay unique
        self.ghosts: dict[tuple[types.CodeType, int], types.FrameType] = {}
        self.handed: set[int] = set()  # shells that stand in somebody's arguments already

    def inner(self, exception: BaseException) -> BaseException:
        """Copy an exception found in the arguments or attributes of another."""
        known = self.copies.get(id(exception))
        if known is not None:
            self.handed.add(id(exception))
            return known
        if id(exception) in self.originals:  # a group that holds itself by way of its members' attributes
            return self.stand_in(exception, WITHHELD)
        return self.copy(exception)

    def copy(self, exception: BaseException) -> BaseException:
        family = _collect(exception)
        self.originals |= {id(member): member for member in family}
        clean = all(member.__traceback__ is None for member in family)
        for member in family:
            if not isinstance(member, BaseExceptionGroup):
                self.shell(member)
        for member in family:
            clean = self.fill(member) and clean
        if clean:
            self.copies.update((id(member), member) for member in family)
            return exception
        for member in family:
            self.link(member)
        return self.checked(exception)

    def shell(self, exception: BaseException) -> None:
        cls = type(exception)
        base: Any = next(base for base in mro(cls) if not own_class(base))
        try:
            copy = _remade(self.rules, exception) if type_name(cls) == _PYDANTIC else base.__new__(cls)
        except Exception:  # noqa: BLE001 - a type of an extension that cannot be made empty
            copy = self.stand_in(exception)
        self.copies[id(exception)] = copy

    def group(self, exception: BaseExceptionGroup[BaseException]) -> BaseException:
        members = [self.copies[id(member)] for member in exception.exceptions]
        return BaseExceptionGroup.__new__(type(exception), self.rules.text(exception.message), members)

    def fill(self, exception: BaseException) -> bool:
        """Put the redacted state of *exception* into its copy; say whether nothing had to be hidden."""
        old: list[object] = []
        new: Any = old
        try:
            old = _state(exception)
            new = _rewritten(self.rules, old)
            if isinstance(exception, BaseExceptionGroup):
                self.copies[id(exception)] = self.group(exception)
            copy = self.copies[id(exception)]
            if type(copy) is type(exception):
                _set_state(copy, new)
            shown = _shown(copy)
        except Exception:  # noqa: BLE001 - a class that fights being copied
            shown = None
        if shown is None or not all(map(self.rules.clean, shown)):
            if id(exception) in self.handed:
                raise ValueError
            self.copies[id(exception)] = self.stand_in(exception)
        return new is old and type(self.copies[id(exception)]) is type(exception)

    def stand_in(self, exception: BaseException, shown: str | None = None) -> BaseException:
        """Say what *exception* said, redacted, by an exception that can be trusted."""
        name, kept = "Exception", WITHHELD
        with suppress(Exception):  # its text cannot be had, or not be redacted
            name = class_name(self.rules, type(exception))
            kept = shown or self.rules.text(str(exception))
        if isinstance(exception, Exception):
            return RedactedError(name, kept)
        base: Any = next(base for base in mro(type(exception)) if base.__module__ in ("builtins", "asyncio.exceptions"))
        copy: BaseException = base.__new__(base)
        copy.args = (1,) if base is SystemExit else (f"{name}: {kept}",)
        if isinstance(copy, SystemExit):
            copy.code = 1
        return copy

    def link(self, exception: BaseException) -> None:
        copy = self.copies[id(exception)]
        links = {
            "__cause__": self.copies.get(id(exception.__cause__)),
            "__context__": self.copies.get(id(exception.__context__)),
            "__suppress_context__": exception.__suppress_context__,
            "__traceback__": self.traceback(exception.__traceback__),
        }
        for name, value in links.items():
            object.__setattr__(copy, name, value)  # past a frozen class

    def traceback(self, entry: types.TracebackType | None) -> types.TracebackType | None:
        """Copy a traceback line by line, with frames that never ran and so hold no locals."""
        places: list[tuple[types.CodeType, int]] = []
        while entry is not None:
            places.append((entry.tb_frame.f_code, entry.tb_lineno or 0))
            entry = entry.tb_next
        copy: types.TracebackType | None = None
        for place in reversed(places):
            frame = self.ghosts.get(place) or self.ghosts.setdefault(place, self.ghost(*place))
            copy = types.TracebackType(copy, frame, -1, place[1])
        return copy

    def ghost(self, code: types.CodeType, line: int) -> types.FrameType:
        """Make a frame that names a place in the source; that of a line which holds a value is left out."""
        filename = self.rules.text(code.co_filename)
        if not self.rules.clean(linecache.getline(filename, line)):
            filename = "<source withheld>"
        name = self.rules.text(code.co_name)
        named = _unstarted.__code__.replace(co_filename=filename, co_name=name, co_qualname=name, co_firstlineno=line)
        frame: types.FrameType = types.FunctionType(named, {"__name__": "<redacted>"})().gi_frame
        return frame

    def checked(self, exception: BaseException) -> BaseException:
        """Hand out the copy if its printed form is clean, alone and with its chain; else a stand-in without chain."""
        copy = self.copies[id(exception)]
        formatted = "".join(traceback.TracebackException.from_exception(copy, capture_locals=True).format())
        return copy if self.rules.clean(formatted) else self.stand_in(exception)


def _collect(exception: BaseException) -> list[BaseException]:
    """List an exception and all that hang on it, members before their groups."""
    found: dict[int, BaseException] = {}
    stack = [(exception, False)]
    seen: set[int] = set()
    while stack:
        one, left = stack.pop()
        if left:
            found[id(one)] = one
        elif id(one) not in seen:
            seen.add(id(one))
            stack.append((one, True))
            members = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
            stack += [(other, False) for other in (one.__cause__, one.__context__, *members) if other is not None]
    return list(found.values())


def _slots(cls: type) -> list[Any]:
    return [slot for slot in descriptors(cls) if slot.__name__ not in _SLOTS_OF_LINKS or own_class(slot.__objclass__)]


def _state(exception: BaseException) -> list[object]:
    """List what an exception holds; a group's message and members are its arguments."""
    args = () if isinstance(exception, BaseExceptionGroup) else BaseException.args.__get__(exception)  # type: ignore[attr-defined]
    extra = exception.errors(include_url=False) if type_name(type(exception)) == _PYDANTIC else None  # type: ignore[attr-defined]
    return [args, instance_dict(exception), slot_values(exception, _slots(type(exception))), extra]


def _rewritten(rules: Rules, value: object) -> Any:
    return rewrite(
        value,
        text=rules.text,
        data=rules.data,
        mark=rules.mark,
        exception=rules.exception,
        numbers=rules.numbers,
        refuse=False,
    )


def _set_state(copy: BaseException, state: list[Any]) -> None:
    args, held, values, _extra = state
    if args:
        object.__setattr__(copy, "args", args)
    if held:
        vars(copy).update(held)
    for slot, value in zip(_slots(type(copy)), values, strict=True):
        if value is not None and value is not UNSET:
            slot.__set__(copy, value)


def _shown(copy: BaseException) -> list[str]:
    shown = [str(copy), repr(copy), *traceback.format_exception_only(copy)]
    if shown != [str(copy), repr(copy), *traceback.format_exception_only(copy)]:
        raise ValueError
    return shown


_PYDANTIC = "pydantic_core._pydantic_core.ValidationError"


def _remade(rules: Rules, exception: Any) -> BaseException:
    """Make pydantic's ValidationError anew of redacted line errors; its text is put together outside Python."""
    lines = [_line(error) for error in _rewritten(rules, exception.errors(include_url=False))]
    hidden = "input_value=" not in str(exception)
    made: BaseException = type(exception).from_exception_data(rules.text(exception.title), lines, hide_input=hidden)
    return made


def _line(error: dict[str, Any]) -> dict[str, Any]:
    """Give back to pydantic what it told; an error of the user's own kind brings its message along."""
    from pydantic_core import PydanticCustomError, PydanticKnownError  # noqa: PLC0415 - loaded, since it raised

    try:
        PydanticKnownError(error["type"], error.get("ctx"))
    except (KeyError, TypeError):
        error = error | {"type": PydanticCustomError(error["type"], error["msg"].replace("{", "(").replace("}", ")"))}
    return {name: error[name] for name in ("type", "loc", "input", "ctx") if name in error}


def _unstarted() -> Any:
    yield  # pragma: no cover - never started; its frame is all that is used
