"""Foreign expressions and the data they are filled from. Data is opaque: nothing in it is ever evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from secretref._document import MISSING, child
from secretref._syntax import Expression, datum
from secretref._tree import compact, freeze, plain
from secretref.errors import InputError, ReferenceError, SecretRefError  # noqa: A004 - ours

__all__ = ["Data", "Datum", "evaluate", "looks_like_reference"]

Data: TypeAlias = Mapping[str, object] | Callable[[str], object]

_REFERENCE: Final = re.compile(rb"\$[{<]\s*workflow\.secrets", re.IGNORECASE)
_NESTED: Final = re.compile(r"(\$\{|[{}])")


class Datum(NamedTuple):
    """What an expression yields: as text, and frozen if it is no text."""

    text: str
    frozen: bytes | None

    def __repr__(self) -> str:
        return "Datum()"


def looks_like_reference(text: str | bytes) -> bool:
    """Tell whether text, or a frozen tree, holds something like a secret reference."""
    return _REFERENCE.search(text.encode("utf-8", "replace") if isinstance(text, str) else text) is not None


def evaluate(
    expressions: Iterable[Expression], data: Data, embedded: Collection[Expression]
) -> dict[Expression, Datum]:
    """Fill each foreign expression from *data*, once.

    Args:
        expressions: What to fill.
        data: A mapping, which the expressions are paths into, or a callable that evaluates them.
        embedded: Those that stand inside a longer string somewhere, so that their text is needed.

    Raises:
        ReferenceError: Some have no datum; carries all of them.
        InputError: A datum is not JSON.
        LimitError: A datum is too deep or too large.
    """
    if not isinstance(data, Mapping) and not callable(data):
        raise InputError("data is a mapping or a callable")
    found: dict[Expression, Datum] = {}
    lost: dict[str, str] = {}
    for expression in expressions:
        body = expression.text[2:-1]
        value, fault = _value(data, body)
        if value is MISSING:
            lost[body] = fault
        else:
            found[expression] = _datum(value, body, needs_text=expression in embedded)
    if lost:
        raise ReferenceError(lost, kind=next(filter(None, lost.values()), ""))
    return found


def _value(data: Data, body: str) -> tuple[Any, str]:
    """Ask for one datum; MISSING, and the class of a fault that is more than that."""
    try:
        return (_look_up(data, body) if isinstance(data, Mapping) else data(body)), ""
    except (LookupError, SecretRefError):
        return MISSING, ""
    except Exception as error:  # noqa: BLE001 - an evaluator of somebody else
        return MISSING, type(error).__name__


def _datum(value: Any, body: str, *, needs_text: bool) -> Datum:
    if type(value) is str:
        return Datum(value, None)
    fault = ""
    try:
        value = plain(value, surrogates=True)
    except InputError as error:
        fault = f"the datum of {body[:100]}: {error.reason}"
    if fault:
        raise InputError(fault)
    if isinstance(value, str):
        return Datum(value, None)
    return Datum(compact(value) if needs_text else "", freeze(value))


def _look_up(data: Mapping[str, object], body: str) -> Any:
    """Follow the path *body*; expressions inside it first, whose values become part of the path."""
    outer: list[list[str]] = []
    kinds: list[bool] = []
    parts: list[str] = []
    for part in _NESTED.split(body):
        if part == "${":
            outer.append(parts)
            kinds.append(True)
            parts = []
        elif part == "}" and kinds and kinds.pop():
            inner = _as_step(_followed(data, "".join(parts), remember=False))
            parts = outer.pop()
            parts.append(inner)
        else:
            if part == "{":
                kinds.append(False)
            parts.append(part)
    return _followed(data, "".join(parts), remember="${" not in body)


def _followed(data: Mapping[str, object], path: str, *, remember: bool) -> Any:
    """Follow a flat path. One that data went into is not remembered: a cache is no place for data."""
    steps = (datum if remember else datum.__wrapped__)(path.strip())
    value: Any = data if steps else MISSING
    for step in steps or ():
        value = value if step is None else child(value, step)
    return value


def _as_step(value: Any) -> str:
    if value is MISSING or not isinstance(value, str | int | float):
        raise LookupError
    return value if isinstance(value, str) else compact(value)
