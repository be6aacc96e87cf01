"""A secret whose value is JSON: what a path leads to in it. Numbers keep the text they are written with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from secretref.errors import InputError

__all__ = ["MISSING", "Found", "child", "extract"]

MISSING: Final = object()
_DEPTH: Final = 190


class _Written(str):
    """A number as it is written, or punctuation."""

    __slots__ = ()


class Found(NamedTuple):
    """What a path leads to: a string, or anything else as compact JSON text."""

    text: str
    is_json: bool

    def __repr__(self) -> str:
        return "Found()"


def child(value: Any, step: str | int) -> Any:
    """Take one step into a mapping or a list; MISSING if it leads nowhere."""
    if isinstance(step, str):
        return value[step] if isinstance(value, Mapping) and step in value else MISSING
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return value[step] if is_list and step < len(value) else MISSING


def extract(text: str, steps: tuple[str | int | None, ...]) -> Found | None:
    """Follow *steps* into the JSON document *text*; None if it is none, or they lead nowhere.

    ``None`` among the steps, written ``.$``, is the document itself; further on, a string that holds one.
    Of a key that is there twice the last counts. ``NaN`` and the like, and more than 190 levels, are no JSON;
    numbers too large for Python lead nowhere.
    """
    try:
        value = _parsed(text)
        for number, step in enumerate(steps):
            if step is not None:
                value = child(value, step)
            elif number and type(value) is str:
                value = _parsed(value)
            if value is MISSING:
                return None
        if type(value) is str:
            return Found(value, is_json=False)
        found = _compact(value)
        json.loads(found, parse_float=_finite)  # what is too much for a number is noticed here, not when it is revealed
    except (ValueError, RecursionError):
        return None
    return Found(found, is_json=True)


def _parsed(text: str) -> Any:
    return json.loads(text, parse_int=_Written, parse_float=_Written, parse_constant=_refused)


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise InputError("too large a number")
    return number


def _refused(constant: str) -> NoReturn:
    raise InputError(f"{constant} is no JSON")


def _compact(value: Any) -> str:
    """Write JSON without blanks; without recursion, so that it cannot fail half way."""
    out: list[str] = []
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo:
        item, level = todo.pop()
        if level > _DEPTH:
            raise InputError("too deep")
        if type(item) is _Written:
            out.append(item)
        elif isinstance(item, dict | list) and item:
            opening, closing = "{}" if isinstance(item, dict) else "[]"
            parts: list[Any] = [_Written(opening)]
            members = item.items() if isinstance(item, dict) else ((None, member) for member in item)
            for key, member in members:
                name = "" if key is None else json.dumps(key, ensure_ascii=False) + ":"
                parts += _Written(name), member, _Written(",")
            parts[-1] = _Written(closing)
            todo.extend((part, level + 1) for part in reversed(parts))
        else:
            out.append(json.dumps(item, ensure_ascii=False))
    return "".join(out)
