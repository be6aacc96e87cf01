"""Plain built-in objects, looked at in one piece: ``marshal`` writes their strings raw and refuses all others."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Leaves", "leaves", "patched", "serialised"]

_PLAIN = frozenset((str, int, float, bool, type(None), bytes, complex))
_CONTAINERS = frozenset((dict, list, tuple, set, frozenset))
_BINARY = frozenset((bytes, bytearray))
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


class Leaves(NamedTuple):
    """What a plain built-in object holds: all its text in one piece, and its numbers.

    Unlike what ``marshal`` writes, the text has no lengths in it that read like escapes.
    """

    text: bytes
    numbers: list[object]


def leaves(value: object) -> Leaves:
    """Collect the leaves of a plain built-in object; what is shared counts once."""
    texts: list[str] = []
    others: list[bytes] = []
    numbers: list[object] = []
    nodes = [value]
    seen: set[int] = set()
    for node in nodes:
        kind = type(node)
        if kind is str:
            texts.append(node)  # type: ignore[arg-type]
        elif kind in _CONTAINERS:
            if id(node) not in seen:
                seen.add(id(node))
                nodes += node  # type: ignore[arg-type]
                if kind is dict:
                    nodes += node.values()  # type: ignore[attr-defined]
        elif kind in _BINARY:
            others.append(node)  # type: ignore[arg-type]
        else:
            numbers.append(node)
    return Leaves(_BETWEEN.encode().join([_BETWEEN.join(texts).encode("utf-8", "surrogatepass"), *others]), numbers)


def _may_hold_arrays(value: object) -> bool:
    """Tell whether something but plain built-in objects hangs on *value*; ``marshal`` takes an array for bytes."""
    nodes = [value]
    seen: set[int] = set()
    for node in nodes:
        kind = type(node)
        if kind in _CONTAINERS:
            if id(node) not in seen:
                seen.add(id(node))
                nodes += node.values() if kind is dict else node  # type: ignore[attr-defined, arg-type]
        elif kind not in _PLAIN:
            return True
    return False


def patched(value: object, literals: list[str], text: Callable[[str], str], data: Callable[[bytes], bytes]) -> Any:
    """Redact the strings that hold one of *literals*, copying only what leads to them; what is shared stays shared.

    Raises:
        LookupError: A key of a mapping would change, or something else that only the walk can copy.
    """
    return _Patch(literals, text, data).container([value])[0]


class _Patch:
    """One run over an object."""

    __slots__ = ("_copies", "_data", "_literals", "_text")

    def __init__(self, literals: list[str], text: Callable[[str], str], data: Callable[[bytes], bytes]) -> None:
        self._literals, self._text, self._data = literals, text, data
        self._copies: dict[int, Any] = {}  # of containers, by their identity

    def container(self, value: Any) -> Any:
        is_mapping = type(value) is dict
        if is_mapping:
            _check_keys(value, self._literals)
        literals, copies = self._literals, self._copies
        changed: dict[Any, object] = {}
        for at, part in value.items() if is_mapping else enumerate(value):
            kind = type(part)
            if kind is str:
                for literal in literals:
                    if literal in part:
                        changed[at] = self._text(part)
                        break
            elif kind in _CONTAINERS:
                new = copies.get(id(part))
                if new is None:
                    new = copies[id(part)] = self.container(part)
                if new is not part:
                    changed[at] = new
            elif kind in _BINARY:
                if kind is bytearray:
                    raise LookupError
                new = self._data(part)
                if new is not part:
                    changed[at] = new
        if not changed:
            return value
        return value | changed if is_mapping else type(value)([changed.get(at, part) for at, part in enumerate(value)])


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
