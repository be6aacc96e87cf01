"""What a definition holds: its expressions, its keys and its faults, found before a template is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from secretref._plan import Leaf, Touched
from secretref._syntax import MOST_FLAWS, Flaw, Kind, scan
from secretref._tree import DEPTH, LARGEST, NODES, Frame, place
from secretref.errors import ConfigurationError, Fault, InputError, LimitError

__all__ = ["DEFAULT", "Limits", "Survey", "characters", "faults", "flaws_of_key", "survey"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets, all checked before anything is fetched, except the size of the result.

    Attributes:
        size: Characters of text in a definition, keys included. What is shared inside the tree may count once.
        expressions: Expressions of any kind in a definition.
        depth: Levels of containers, at most 190.
        result: Size of a rendered input, known before it is rendered: bytes of the definition and characters of all
            values in it.
    """

    size: int = 64_000_000
    expressions: int = 100_000
    depth: int = DEPTH
    result: int = 64_000_000

    def __post_init__(self) -> None:
        found = (self.size, self.expressions, self.depth, self.result)
        if not all(type(limit) is int and limit >= 0 for limit in found) or self.depth > DEPTH:
            raise ConfigurationError(f"a limit is a whole number, none is negative, and the depth is at most {DEPTH}")


DEFAULT: Final = Limits()
_REMEMBERED: Final = 512  # characters of a text worth keeping scanned
_TEXT: Final = frozenset({str})


class Survey(NamedTuple):
    """What is in a definition.

    Attributes:
        touched: The strings that hold expressions, below their containers.
        keys: All keys of mappings.
        sound: No string has a flaw; keys were not looked at.
    """

    touched: Touched
    keys: set[str]
    sound: bool


def survey(definition: object, limits: Limits) -> Survey | None:
    """Collect the strings that hold expressions, below their containers, and all keys; None if something is not plain.

    The one loop over a whole definition: what it does for each node decides what compiling costs.
    """
    keys: set[str] = set()
    nodes, expressions, depth, sound = NODES, limits.expressions, limits.depth, True

    def dive(members: Iterable[tuple[Any, Any]], level: int) -> Touched | None:
        nonlocal nodes, expressions, sound
        found: Touched | None = None
        for key, value in members:
            kind = type(value)
            below: Leaf | Touched | None
            if kind is str:
                if "$" not in value or ("${" not in value and "$<" not in value):
                    continue
                below, flawless = _short(value) if len(value) <= _REMEMBERED else _leaf(value, expressions)
                sound = sound and flawless
                if below and (expressions := expressions - len(below.items)) < 0:
                    raise LimitError("expressions", limits.expressions)
            elif kind is dict or kind is list:
                if not value and level < depth:
                    continue
                nodes -= len(value)
                if nodes < 0:
                    raise LimitError("nodes", NODES)
                if kind is dict:
                    keys.update(value)
                    below = dive(value.items(), level + 1)
                else:
                    below = dive(enumerate(value), level + 1)
            elif value is None or kind is bool or (kind is int and -LARGEST < value < LARGEST):
                continue
            elif kind is not float or not math.isfinite(value):
                raise InputError("not plain")
            else:
                continue
            if below:
                found = found or []
                found.append((key, below))
        if level > depth:
            raise InputError("not plain")
        return found

    try:
        touched = dive(((0, definition),), 0)
    except (InputError, RecursionError):
        return None
    return Survey(touched or [], keys, sound) if set(map(type, keys)) <= _TEXT else None


def _leaf(text: str, most: int) -> tuple[Leaf | None, bool]:
    """Look for expressions, at most a few more than *most*; tell also whether there is no flaw."""
    items, flaws = scan(text, most)
    return Leaf(text, tuple(items)) if items else None, not flaws


@lru_cache(maxsize=8_192)
def _short(text: str) -> tuple[Leaf | None, bool]:
    return _leaf(text, len(text))


def _walk(definition: object) -> Iterator[tuple[Frame, object, bool]]:
    """Yield each key and each value of a plain tree in order: its place, itself, whether it is a key."""
    todo: list[tuple[Frame, Any]] = [((None, 0), definition)]
    while todo:
        frame, value = todo.pop()
        if isinstance(frame[1], str):
            yield frame, frame[1], True
        yield frame, value, False
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        todo.extend(reversed([((frame, key), member) for key, member in members]))


def characters(definition: object) -> int:
    """Count the characters of all text in a plain tree."""
    return sum(len(found) for _, found, _ in _walk(definition) if isinstance(found, str))


def flaws_of_key(key: str) -> list[Flaw]:
    """Find what is wrong with a key: a reference as much as a malformed one."""
    items, flaws = scan(key, len(key))
    held = [Flaw(start, end, "key") for start, end, expression in items if expression.kind is Kind.SECRET]
    return sorted(held + flaws)


def faults(definition: object) -> Iterator[Fault]:
    """Yield the first thousand faults of a definition that has some."""
    left = MOST_FLAWS
    for frame, text, is_key in _walk(definition):
        if not isinstance(text, str) or "$" not in text:
            continue
        for flaw in (flaws_of_key(text) if is_key else scan(text, len(text))[1])[:left]:
            left -= 1
            yield Fault(
                place(frame), (flaw.start, flaw.end), text[flaw.start : flaw.end][:100], flaw.reason, flaw.expected
            )
