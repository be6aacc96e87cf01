"""Trees whose data an engine has bound already: find the definition's references in them, and none that came with data.

The engine is taken at its word for one thing: it replaced foreign expressions and left everything else as it stood,
except that it may have undone escapes. What a reference stands between in the definition it must then stand between
in the bound string; where data makes that ambiguous, nothing is guessed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from secretref._data import looks_like_reference
from secretref._plan import Edits, Leaf, Piece
from secretref._syntax import Kind
from secretref._template import Template
from secretref._tree import Frame, freeze, place, plain, steps, thaw
from secretref.errors import InputError

__all__ = ["Bound", "bind"]


class Bound(NamedTuple):
    """A bound tree, frozen in a list of one, and what to write into it.

    Attributes:
        frozen: The tree.
        edits: What to write.
        suspicious: Data in it holds something like a reference.
    """

    frozen: bytes
    edits: Edits
    suspicious: bool

    def __repr__(self) -> str:
        return f"Bound({len(self.frozen)} bytes)"


def bind(template: Template, tree: object) -> Bound:
    """Find the references of *template* in *tree*.

    Raises:
        InputError: The tree has no such place, or another string there; or it is not JSON.
        LimitError: It is too deep or too large.
    """
    frozen = freeze([plain(tree, surrogates=True)])
    rest = thaw(frozen)
    listed: list[tuple[Piece, ...] | None] = []
    suspicious = False
    for frame, leaf in template.leaves():
        if leaf.pieces(bind=False) is None:
            listed.append(None)
            continue
        found = _located(rest, frame)
        if found is None:
            raise InputError("the bound tree has no such place", place=place(frame))
        container, key = found
        fitted = _fit(leaf, container[key]) if type(container[key]) is str else None
        if fitted is None:
            raise InputError("the bound tree has another value here than its definition", place=place(frame))
        pieces, data = fitted
        listed.append(pieces)
        container[key] = None
        suspicious = suspicious or any(map(looks_like_reference, data))
    in_order = iter(listed)
    todo = template.plan(lambda _: next(in_order))
    return Bound(frozen, todo, suspicious or looks_like_reference(freeze(rest)))


def _located(box: Any, frame: Frame) -> tuple[Any, Any] | None:
    """Return the container in *box* that holds the place of *frame*, and its key there; None if there is none."""
    value, container, step = box, box, 0
    for step in steps(frame):
        container = value
        if isinstance(step, str):
            if type(container) is not dict or step not in container:
                return None
        elif type(container) is not list or step >= len(container):
            return None
        value = container[step]
    return container, step


class _Run(NamedTuple):
    """What stands between two foreign expressions: how it reads in the bound string, and what it becomes."""

    text: str
    pieces: list[Piece]
    kept: bool


def _fit(leaf: Leaf, text: str) -> tuple[tuple[Piece, ...], list[str]] | None:
    """Match a bound string with its definition; None if it does not fit, or in more than one way that matters."""
    for undone in (False, True):
        fitted = _aligned(_runs(leaf, undone=undone), text)
        if fitted is not None:
            return fitted
    return None


def _runs(leaf: Leaf, *, undone: bool) -> list[_Run]:
    runs: list[_Run] = []
    pieces: list[Any] = [""]
    reads, done, kept = "", 0, True
    for start, end, expression in [*leaf.items, (len(leaf.text), len(leaf.text), None)]:
        literal = leaf.text[done:start]
        reads, pieces[-1], done = reads + literal, f"{pieces[-1]}{literal}", end
        if expression is None or expression.kind is Kind.FOREIGN:
            runs.append(_Run(reads, list(pieces), kept))
            reads, pieces, kept = "", [""], True
        elif expression.kind is Kind.SECRET:
            reads, kept = reads + expression.text, False
            pieces += expression, ""
        else:
            read = expression.text[undone:]
            reads += read
            if expression.kind is Kind.ESCAPED_SECRET:
                read, kept = expression.text[1:], False
            pieces[-1] = f"{pieces[-1]}{read}"  # a foreign escape is the engine's own
    return runs


def _aligned(runs: list[_Run], text: str) -> tuple[tuple[Piece, ...], list[str]] | None:
    """Lay *runs* over *text*: the first at its start, the last at its end, those between from both sides alike."""
    first, *middle = runs
    if not middle:
        return (tuple(first.pieces), []) if text == first.text else None
    last = middle.pop()
    low, high = len(first.text), len(text) - len(last.text)
    if low > high or not text.startswith(first.text) or not text.endswith(last.text):
        return None
    from_left, from_right = [], []
    at = low
    for run in middle:
        at = text.find(run.text, at, high)
        if at < 0:
            return None
        from_left.append(at)
        at += len(run.text)
    at = high
    for run in reversed(middle):
        at = text.rfind(run.text, low, at)
        from_right.append(at)
    if any(not run.kept and a != b for run, a, b in zip(middle, from_left, reversed(from_right), strict=True)):
        return None
    pieces: list[Any] = list(first.pieces)
    data, done = [], low
    for run, at in zip([*middle, last], [*from_left, high], strict=True):
        data.append(text[done:at])
        pieces[-1] = f"{pieces[-1]}{text[done:at]}{run.pieces[0]}"
        pieces += run.pieces[1:]
        done = at + len(run.text)
    return tuple(pieces), data
