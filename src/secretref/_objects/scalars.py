"""Values without parts: text, bytes, numbers, dates, paths and what is made of them."""

from __future__ import annotations

import array
import datetime as dt
import fractions
import io
import pathlib
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from secretref._objects.kinds import Leaf, Rules, unchanged
from secretref._objects.opaque import instance_dict

__all__ = ["SCALARS", "number", "path"]

_DIGITS = 400  # the longest plain notation of a float; longer exponents are looked at in scientific notation only


def number(rules: Rules, value: Any) -> object:
    """Replace a number by the mark when its decimal text holds a value."""
    if not rules.numbers or (type(value) is int and -10 < value < 100):  # nothing that short is searched for
        return value
    return value if all(rules.text(shown) is shown for shown in _decimal(value)) else rules.mark


def _decimal(value: Any) -> Iterator[str]:
    """Show a number the ways that ``repr``, ``str``, JSON and format specifications do."""
    try:
        shown = repr(value)
    except ValueError:  # more digits than the interpreter's limit
        value = Decimal(value)
        shown = format(value, "f")
    yield shown
    plain = str(value)
    if plain != shown:
        yield plain
    if type(value) is float and "e" in shown:
        value = Decimal(shown)
    if type(value) is Decimal and value.is_finite() and abs(value.adjusted()) < _DIGITS:
        yield format(value, "f")


def path(rules: Rules, value: pathlib.PurePath) -> object:
    """Redact a path; what remains is a path of the same kind."""
    shown = str(value)
    clean = rules.text(shown)
    if clean is not shown:
        return type(value)(clean)
    return value if rules.clean(repr(value)) else rules.mark


def _shown(rules: Rules, value: object) -> object:
    return value if rules.clean(str(value)) and rules.clean(repr(value)) else rules.mark


def _moment(rules: Rules, value: dt.datetime | dt.time) -> object:
    """Redact a time; a time zone of the user's own may hold more than it shows."""
    zone = value.tzinfo
    return _shown(rules, value) if zone is None or rules.clean(f"{zone!r} {instance_dict(zone)!r}") else rules.mark


def _uuid(rules: Rules, value: uuid.UUID) -> object:
    forms: tuple[str | bytes, ...] = (str(value), value.hex, str(value.int), value.bytes, value.bytes_le)
    return value if all(map(rules.clean, forms)) else rules.mark


def _range(rules: Rules, value: range) -> object:
    bounds = (value.start, value.stop, value.step)
    return value if all(number(rules, bound) is bound for bound in bounds) else rules.mark


def _bytearray(rules: Rules, value: bytearray) -> object:
    held = bytes(value)
    clean = rules.data(held)
    return value if clean is held else bytearray(clean)


def _memoryview(rules: Rules, value: memoryview) -> object:
    held, whole = value.tobytes(), bytes(value.obj)
    clean = rules.data(held)
    return value if clean is held and rules.clean(whole) else memoryview(clean)


def _array(rules: Rules, value: array.array[Any]) -> object:
    """Redact an array: as text or bytes if it holds such, else number by number."""
    held = value.tobytes()
    clean = rules.data(held)
    if value.typecode == "u":
        held_text = "".join(value)
        clean_text = rules.text(held_text)
        return value if clean_text is held_text else array.array("u", clean_text)
    if clean is not held:
        return array.array(value.typecode, clean) if value.itemsize == 1 else rules.mark
    items = value.tolist()
    numbers = [number(rules, item) for item in items]
    return value if all(new is old for new, old in zip(numbers, items, strict=True)) else numbers


def _string_io(rules: Rules, value: io.StringIO) -> object:
    held = value.getvalue()
    clean = rules.text(held)
    return value if clean is held else io.StringIO(clean, newline="")


def _bytes_io(rules: Rules, value: io.BytesIO) -> object:
    held = value.getvalue()
    clean = rules.data(held)
    return value if clean is held else io.BytesIO(clean)


SCALARS: dict[type, Leaf] = {
    type(None): unchanged,
    bool: unchanged,
    type(...): unchanged,
    type(NotImplemented): unchanged,
    str: lambda rules, value: rules.text(value),
    bytes: lambda rules, value: rules.data(value),
    bytearray: _bytearray,
    memoryview: _memoryview,
    array.array: _array,
    int: number,
    float: number,
    complex: number,
    Decimal: number,
    fractions.Fraction: number,
    range: _range,
    uuid.UUID: _uuid,
    dt.date: _shown,
    dt.datetime: _moment,
    dt.time: _moment,
    dt.timedelta: _shown,
    dt.timezone: _shown,
    pathlib.PurePosixPath: path,
    pathlib.PureWindowsPath: path,
    type(pathlib.Path()): path,
    io.StringIO: _string_io,
    io.BytesIO: _bytes_io,
}
