"""The places of a tree that hold expressions, and writing values to them: nothing else of a tree is ever visited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from secretref._syntax import Expression, Item, Kind
from secretref._tree import Frame, thaw

__all__ = ["Edit", "Leaf", "Piece", "Touched", "edits", "leaves", "render"]

Piece: TypeAlias = "str | Expression"

_FOREIGN: Final = frozenset({Kind.FOREIGN, Kind.ESCAPED_FOREIGN})
_ESCAPED: Final = frozenset({Kind.ESCAPED_SECRET, Kind.ESCAPED_FOREIGN})


class Leaf(NamedTuple):
    """A string of the definition that holds expressions."""

    text: str
    items: tuple[Item, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether the string is one expression and nothing else."""
        return (self.items[0].start, self.items[0].end) == (0, len(self.text))

    def pieces(self, *, bind: bool) -> tuple[Piece, ...] | None:
        """Cut the string into literals and expressions in turn, beginning and ending with a literal.

        Args:
            bind: Foreign expressions are to be filled in; without, they and their escapes are literal.

        Returns:
            The pieces, or None when the string stays as it is.
        """
        pieces: list[Piece] = []
        literal, done = "", 0
        for start, end, expression in self.items:
            kind = expression.kind
            if not bind and kind in _FOREIGN:
                continue
            literal += self.text[done:start]
            done = end
            if kind in _ESCAPED:
                literal += expression.text[1:]
            else:
                pieces += literal, expression
                literal = ""
        return (*pieces, literal + self.text[done:]) if done else None


# The members of a container that hold expressions, at any depth: nothing else of a tree is known or visited.
Touched: TypeAlias = "list[tuple[str | int, Leaf | Touched]]"


class Edit(NamedTuple):
    """What to write into one container, which is member *key* of the container of edit number *parent*."""

    parent: int
    key: Any
    wholes: Sequence[tuple[Any, Expression]]
    singles: Sequence[tuple[Any, str, Expression, str]]
    joined: Sequence[tuple[Any, tuple[Piece, ...]]]


def edits(touched: Touched, pieces_of: Callable[[Leaf], tuple[Piece, ...] | None]) -> tuple[Edit, ...]:
    """List what to write into each container, outer ones first."""
    found: list[Edit] = []
    changed = False
    todo: list[tuple[int, str | int, Touched]] = [(-1, 0, touched)]
    while todo:
        parent, key, members = todo.pop()
        wholes: list[tuple[Any, Expression]] = []
        singles: list[tuple[Any, str, Expression, str]] = []
        joined: list[tuple[Any, tuple[Piece, ...]]] = []
        for at, member in members:
            if type(member) is list:
                todo.append((len(found), at, member))
            elif (pieces := pieces_of(cast("Leaf", member))) is not None:
                changed = True
                _file(at, pieces, wholes, singles, joined)
        found.append(Edit(parent, key, wholes, singles, joined))
    return tuple(found) if changed else ()


def _file(at: Any, pieces: tuple[Any, ...], wholes: list[Any], singles: list[Any], joined: list[Any]) -> None:
    if len(pieces) != 3:
        joined.append((at, pieces))
    elif pieces[0] or pieces[2]:
        singles.append((at, *pieces))
    else:
        wholes.append((at, pieces[1]))


def leaves(touched: Touched) -> Iterator[tuple[Frame, Leaf]]:
    """Yield each string that holds expressions with its place, in the order of the definition."""
    todo: list[tuple[Frame | None, tuple[str | int, Leaf | Touched]]] = [(None, touched[0])] if touched else []
    while todo:
        around, (key, member) = todo.pop()
        frame = (around, key)
        if isinstance(member, Leaf):
            yield frame, member
        else:
            todo.extend((frame, below) for below in reversed(member))


def render(
    box: list[Any],
    todo: Iterable[Edit],
    texts: Mapping[Expression, str],
    whole: Mapping[Expression, bytes],
    *,
    spine: bool,
) -> Any:
    """Write values into a tree.

    Args:
        box: A list of one: the tree.
        todo: Where to write.
        texts: What each expression becomes as text.
        whole: What it becomes where it is the whole string, frozen, if that is no text.
        spine: Copy each container before writing to it; without, the tree is fresh and is written to.

    Returns:
        The tree with the values.
    """
    made: list[Any] = []
    for parent, key, wholes, singles, joined in todo:
        if parent < 0:
            target: Any = box.copy() if spine else box
        elif spine:
            target = made[parent][key] = made[parent][key].copy()
        else:
            target = made[parent][key]
        made.append(target)
        for at, expression in wholes:
            target[at] = thaw(whole[expression]) if expression in whole else texts[expression]
        for at, before, expression, after in singles:
            target[at] = f"{before}{texts[expression]}{after}"
        for at, pieces in joined:
            target[at] = "".join([piece if type(piece) is str else texts[piece] for piece in pieces])
    return made[0][0] if made else box[0]
