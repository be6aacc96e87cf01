"""Plain built-in objects, looked at in one piece: ``marshal`` writes their strings raw and refuses all others."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["patched", "serialised", "texts_of"]

_SCALARS = frozenset((int, float, bool, type(None)))
_PLAIN = frozenset((str, int, float, bool, type(None), bytes, complex))
_MANY = 1 << 20
_BETWEEN = "\x1f"
"""Between strings: no decoding takes it out."""


def serialised(value: object) -> bytes | None:
    """Write *value* with its strings raw; None if that would not show all of them."""
    if "numpy" in sys.modules and _may_hold_arrays(value):
        return None
    try:
        return marshal.dumps(value)  # type: ignore[arg-type]
    except ValueError:
        return None


def texts_of(value: object) -> bytes | None:
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
    return _BETWEEN.encode().join([_BETWEEN.join(found).encode("utf-8", "surrogatepass"), *others])


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


def patched(value: object, literals: list[str], text: Callable[[str], str], data: Callable[[bytes], bytes]) -> Any:
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
            new = patched(part, literals, text, data)
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
