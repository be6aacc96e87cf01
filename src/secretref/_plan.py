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
            there. The outermost has the number 0 and is not among them.
        wholes: Strings that are one expression: number of the container, key, expression.
        singles: Strings with one expression: the same, and what stands before and behind it.
        joined: All others: number of the container, key, pieces.
        bare: The tree is itself a string to write; number 0 is then the list of one that holds it.
    """

    spine: tuple[tuple[int, Any], ...]
    wholes: tuple[tuple[int, Any, Expression], ...]
    singles: tuple[tuple[int, Any, str, Expression, str], ...]
    joined: tuple[tuple[int, Any, tuple[Piece, ...]], ...]
    bare: bool


_NOTHING: Final = Edits((), (), (), (), bare=False)


def edits(touched: Touched, pieces_of: Callable[[Leaf], tuple[Piece, ...] | None]) -> Edits:
    """List what to write, and the containers on the way to it."""
    spine: list[tuple[int, Any]] = []
    wholes: list[tuple[int, Any, Expression]] = []
    singles: list[tuple[int, Any, str, Expression, str]] = []
    joined: list[tuple[int, Any, tuple[Piece, ...]]] = []
    numbers: dict[int, int] = {}  # of containers, by the identity of their frame
    alive = []
    for frame, leaf in leaves(touched):
        pieces: tuple[Any, ...] | None = pieces_of(leaf)
        if pieces is None:
            continue
        around, key = frame
        alive.append(around)
        missing = []
        while around is not None and id(around) not in numbers:
            missing.append(around)
            around = around[0]
        number = 0 if around is None else numbers[id(around)]
        for link in reversed(missing):
            if link[0] is not None:
                spine.append((number, link[1]))
                number = len(spine)
            numbers[id(link)] = number
        if len(pieces) != 3:
            joined.append((number, key, pieces))
        elif pieces[0] or pieces[2]:
            singles.append((number, key, *pieces))
        else:
            wholes.append((number, key, pieces[1]))
    if not alive:
        return _NOTHING
    return Edits(tuple(spine), tuple(wholes), tuple(singles), tuple(joined), bare=alive[0] is None)


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
    if todo is _NOTHING:
        return box[0]
    containers, wholes, singles, joined, bare = todo
    outermost = box if bare else box[0]
    if spine:
        outermost = outermost.copy()
        made = [outermost]
        for number, key in containers:
            owner = made[number]
            target = owner[key] = owner[key].copy()
            made.append(target)
    else:
        made = [outermost]
        for number, key in containers:
            made.append(made[number][key])
    for number, key, before, expression, after in singles:
        made[number][key] = f"{before}{texts[expression]}{after}"
    for number, key, expression in wholes:
        made[number][key] = thaw(whole[expression]) if expression in whole else texts[expression]
    for number, key, pieces in joined:
        made[number][key] = "".join([piece if isinstance(piece, str) else texts[piece] for piece in pieces])
    return outermost[0] if bare else outermost
