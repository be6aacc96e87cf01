"""JSON-like trees: a private copy that cannot change, plain trees made of others, and the name of a place.

A tree is kept as the bytes of ``marshal``: nobody can change them, and a fresh tree is one call away.
They never leave the process and are never read from anywhere else.
"""

from __future__ import annotations

import marshal
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from secretref.errors import InputError, LimitError

__all__ = [
    "DEPTH",
    "JSON",
    "LARGEST",
    "NODES",
    "Frame",
    "compact",
    "freeze",
    "place",
    "plain",
    "pointer",
    "steps",
    "thaw",
]

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Frame: TypeAlias = (
    "tuple[Any, ...]"  # a place: the frame of its container or None, its key there, and what the maker adds
)

DEPTH: Final = 190  # levels: pydantic reads no record with more than 200
NODES: Final = 5_000_000
LARGEST: Final = 10**4_300  # Python turns no longer number into text

_CONTAINERS: Final = (Mapping, list, tuple)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_VERSION: Final = 4  # keeps shared objects shared: half the size, and linear in what is really there


def freeze(tree: Any) -> bytes:
    """Keep a copy of *tree*, which must be plain."""
    return marshal.dumps(tree, _VERSION)


def thaw(frozen: bytes) -> Any:
    """Build a fresh tree from what ``freeze`` kept."""
    return marshal.loads(frozen)  # noqa: S302 - bytes made by freeze in this process


def compact(tree: object) -> str:
    """Write a plain *tree* as JSON text without blanks."""
    import json  # noqa: PLC0415 - on first use

    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def pointer(steps: Iterable[str | int]) -> str:
    """Name a place as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def place(frame: Frame | None) -> str:
    """Name the place of *frame*, whose outermost link is the root."""
    return pointer(steps(frame)[1:])


def steps(frame: Frame | None) -> list[Any]:
    """List the keys that lead to *frame*, from the outermost link."""
    found: list[Any] = []
    while frame is not None:
        found.append(frame[1])
        frame = frame[0]
    return found[::-1]


def plain(tree: object, *, depth: int = DEPTH, nodes: int = NODES, surrogates: bool = False) -> Any:
    """Rebuild *tree* from plain dicts, lists and scalars, so that nothing in it can behave oddly later.

    Mappings become dicts, tuples and other lists become lists, a subclass of a scalar becomes the scalar.

    Args:
        tree: Anything.
        depth: Most levels of containers.
        nodes: Most members of all containers together.
        surrogates: Take text that UTF-8 cannot hold.

    Raises:
        InputError: Something in it is not JSON, or a container contains itself.
        LimitError: It is too deep or too large.
    """
    root: list[Any] = [None]
    left = nodes
    todo: list[tuple[Any, Any, Frame, int]] = [(root, tree, (None, 0, 0), 0)]
    while todo:
        target, value, frame, level = todo.pop()
        if not isinstance(value, _CONTAINERS):
            target[frame[1]] = _scalar(value, frame, surrogates=surrogates)
            continue
        if level >= depth:
            if _inside(value, frame):
                raise InputError("the tree contains itself", place=place(frame))
            raise LimitError("levels of nesting", depth)
        members = _members(value, frame, surrogates=surrogates)
        left -= len(members)
        if left < 0:
            raise LimitError("nodes", nodes)
        made = dict.fromkeys(key for key, _ in members) if isinstance(value, Mapping) else [None] * len(members)
        target[frame[1]] = made
        todo.extend((made, member, (frame, key, id(value)), level + 1) for key, member in members)
    return root[0]


def _inside(value: object, frame: Frame | None) -> bool:
    """Tell whether *value* is one of the containers around *frame*; all of them are alive, so an id is enough."""
    while frame is not None:
        if frame[2] == id(value):
            return True
        frame = frame[0]
    return False


def _members(container: Any, frame: Frame, *, surrogates: bool) -> list[tuple[Any, Any]]:
    """List the members of *container*; the keys of a mapping must be text."""
    if not isinstance(container, Mapping):
        return list(enumerate(container))
    fault = ""
    try:
        members = [(key, member) for key, member in container.items()]
    except Exception as error:  # noqa: BLE001 - a mapping of somebody else may do anything
        members, fault = [], f"a {type(container).__name__} cannot be read: {type(error).__name__}"
    if not all(isinstance(key, str) for key, _ in members):
        fault = "a key is no string"
    if fault:
        raise InputError(fault, place=place(frame))
    return [(_text(key, frame, surrogates=surrogates), member) for key, member in members]


def _scalar(value: object, frame: Frame, *, surrogates: bool) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, frame, surrogates=surrogates)
    if isinstance(value, int) and -LARGEST < value < LARGEST:
        return int.__index__(value)
    if isinstance(value, float) and math.isfinite(value):
        return float.__float__(value)
    fault = "a number JSON cannot hold" if isinstance(value, int | float) else f"{type(value).__name__} is not JSON"
    raise InputError(fault, place=place(frame))


def _text(value: str, frame: Frame, *, surrogates: bool) -> str:
    """Return *value* as a plain string."""
    text = str.__str__(value)
    if not surrogates and not text.isascii() and _SURROGATE.search(text):
        raise InputError("a lone surrogate is no text", place=place(frame))
    return text
