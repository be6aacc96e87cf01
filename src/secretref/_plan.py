"""The places of a tree that hold expressions, and writing values to them: nothing else of a tree is ever visited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from secretref._syntax import Expression, Item, Kind
from secretref._tree import Frame, thaw

__all__ = ["Edits", "Leaf", "Piece", "Touched", "edits", "leaves", "render"]

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


class Edits(NamedTuple):
    """What to write into a tree.

    Attributes:
        spine: The containers that change, outer ones first, each by the number of the one around it and its key
            there. Number 0 is the list of one that holds the tree, and not among them.
        wholes: Strings that are one expression: number of the container, key, expression.
        singles: Strings with one expression: the same, and what stands before and behind it.
        joined: All others: number of the container, key, pieces.
    """

    spine: tuple[tuple[int, Any], ...]
    wholes: tuple[tuple[int, Any, Expression], ...]
    singles: tuple[tuple[int, Any, str, Expression, str], ...]
    joined: tuple[tuple[int, Any, tuple[Piece, ...]], ...]


def edits(touched: Touched, pieces_of: Callable[[Leaf], tuple[Piece, ...] | None]) -> Edits:
    """List what to write, and the containers on the way to it."""
    spine: list[tuple[int, Any]] = []
    wholes: list[tuple[int, Any, Expression]] = []
    singles: list[tuple[int, Any, str, Expression, str]] = []
    joined: list[tuple[int, Any, tuple[Piece, ...]]] = []
    numbers = {id(None): 0}  # of containers, by the identity of their frame; the list of one is the first
    alive = []
    for frame, leaf in leaves(touched):
        pieces: tuple[Any, ...] | None = pieces_of(leaf)
        if pieces is None:
            continue
        around, key = frame
        alive.append(around)
        missing = []
        while id(around) not in numbers:
            missing.append(around)
            around = around[0]
        number = numbers[id(around)]
        for link in reversed(missing):
            spine.append((number, link[1]))
            number = numbers[id(link)] = len(spine)
        if len(pieces) != 3:
            joined.append((number, key, pieces))
        elif pieces[0] or pieces[2]:
            singles.append((number, key, *pieces))
        else:
            wholes.append((number, key, pieces[1]))
    return Edits(tuple(spine), tuple(wholes), tuple(singles), tuple(joined))


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
    box: list[Any], todo: Edits, texts: Mapping[Expression, str], whole: Mapping[Expression, bytes], *, spine: bool
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
    if not (todo.spine or todo.wholes or todo.singles or todo.joined):
        return box[0]
    if spine:
        box = box.copy()
        made = [box]
        for number, key in todo.spine:
            owner = made[number]
            target = owner[key] = owner[key].copy()
            made.append(target)
    else:
        made = [box]
        for number, key in todo.spine:
            made.append(made[number][key])
    for number, key, expression in todo.wholes:
        made[number][key] = thaw(whole[expression]) if expression in whole else texts[expression]
    for number, key, before, expression, after in todo.singles:
        made[number][key] = f"{before}{texts[expression]}{after}"
    for number, key, pieces in todo.joined:
        made[number][key] = "".join([piece if isinstance(piece, str) else texts[piece] for piece in pieces])
    return box[0]
