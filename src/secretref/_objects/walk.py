"""The walk: redact an object graph of any depth and shape, sharing what is clean.

1. Visit every container once, depth first, on a stack of our own: redact its leaves, remember its children.
2. A container is dirty when a leaf of it changed or a child is dirty; along cycles this is spread afterwards.
3. Make an empty shell for each dirty container that can be filled later.
4. In the order in which the visits ended, children first, build the copies and fill the shells.

Clean containers are not copied: they stand in the copy as the same objects, and a clean whole comes back itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from secretref._objects.builtin import BUILTIN, kind_of
from secretref._objects.kinds import Kind, Leaf, Rules, TextProxy, placeholder
from secretref._objects.opaque import check, refused
from secretref.errors import InputError

__all__ = ["rewrite"]

_NEW, _OPEN, _CLOSED = range(3)
_OPAQUE_LIMIT = 5_000  # what hangs together with the whole interpreter is not walked to its end


class _Node:
    """One container of the graph."""

    __slots__ = ("children", "copy", "dirty", "inside", "kind", "parent", "parts", "redacted", "state", "value")

    def __init__(self, value: object, kind: Kind, parent: tuple[_Node, int] | None) -> None:
        self.value, self.kind, self.parent = value, kind, parent
        self.inside: bool = kind.opaque or bool(parent and parent[0].inside)  # of an opaque object, or one itself
        self.state = _NEW
        self.parts: Sequence[object] = ()
        self.redacted: list[object] | None = None  # the parts, once one of them changed
        self.children: list[tuple[int, _Node]] = []
        self.dirty = False
        self.copy: Any = None


def rewrite(
    value: object,
    *,
    text: Callable[[str], str],
    data: Callable[[bytes], bytes],
    mark: str,
    exception: Callable[[BaseException], BaseException],
    numbers: bool = True,
    refuse: bool = True,
) -> object:
    """Copy *value* with everything hidden; what is clean is shared, and a clean *value* comes back itself.

    Nothing is changed in place. Depth is bounded by memory only, and cycles stay cycles.

    Args:
        value: Any object.
        text: Redacts a string; returns the same object when it is clean.
        data: The same for bytes.
        mark: The text put in place of a number and other values that cannot hold text.
        exception: Copies an exception; returns the same object when it is clean.
        numbers: Look at numbers too; False when no form of a value can be read as one.
        refuse: Raise on a generator; False puts its type's name in its place.

    Raises:
        InputError: A generator, an iterator or an awaitable: it cannot be looked into without using it up.
    """
    return _Walk(Rules(text, data, mark, exception, numbers), refuse=refuse).run(value)


class _Walk:
    def __init__(self, rules: Rules, *, refuse: bool) -> None:
        self.rules, self.refuse = rules, refuse
        self.nodes: dict[int, _Node] = {}  # by identity; a node keeps its value alive
        self.kinds: dict[int, tuple[type, Kind | Leaf]] = {}  # by identity of the class, whose hash may lie
        self.seen: dict[str, str] = {}  # what texts seen before became: keys repeat
        self.loops = False
        self.opaque = 0

    def run(self, value: object) -> object:
        root = self.visit(value, None, 0)
        if type(root) is not _Node:
            return root
        ended = self.explore(root)
        if self.loops:
            _spread(ended)
        if not root.dirty:
            return value
        return root.copy if self.build([node for node in ended if node.dirty]) else placeholder(self.rules, value)

    def visit(self, value: object, parent: _Node | None, index: int) -> object:
        """Redact a leaf, or find the node of a container."""
        cls = type(value)
        kind = BUILTIN.get(id(cls)) or self.kind(cls)
        if type(kind) is not Kind:
            return self.leaf(cast("Leaf", kind), value, parent, index)
        node = self.nodes.get(id(value))
        if node is None:
            if kind.opaque:
                self.opaque += 1
                if self.opaque > _OPAQUE_LIMIT:
                    return placeholder(self.rules, value)
            node = self.nodes[id(value)] = _Node(value, kind, (parent, index) if parent else None)
        return node

    def kind(self, cls: type) -> Kind | Leaf:
        known = self.kinds.get(id(cls))
        if known is None:
            try:
                kind = kind_of(self.rules, cls)
            except Exception:  # noqa: BLE001 - a class whose metaclass lies
                kind = placeholder
            known = self.kinds[id(cls)] = cls, kind
        return known[1]

    def leaf(self, redact: Leaf, value: object, parent: _Node | None, index: int) -> object:
        if redact is refused and self.refuse and not (parent and parent.inside):
            raise InputError(
                f"{type(value).__name__} cannot be redacted unread: pass its items", place=self.place(parent, index)
            )
        try:
            return redact(self.rules, value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a hostile object raises what it likes
            return placeholder(self.rules, value)

    def place(self, node: _Node | None, index: int) -> str:
        """Say where part *index* of *node* stands, as a JSON Pointer, redacted."""
        steps: list[str] = []
        while node:
            if issubclass(type(node.value), dict):
                key = node.parts[index % (len(node.parts) // 2)]
                steps.append(key if type(key) is str else type(key).__name__)
            else:
                steps.append(str(index))
            node, index = node.parent or (None, 0)
        return self.rules.text("".join(f"/{step}" for step in reversed(steps)))

    def explore(self, root: _Node) -> list[_Node]:
        """Visit all containers below *root*; return them in the order in which their visits ended."""
        ended: list[_Node] = []
        stack = [root]
        while stack:
            node = stack.pop()
            if node.state == _NEW:
                node.state = _OPEN
                self.open(node)
                stack.append(node)
                stack.extend(child for _, child in node.children if child.state == _NEW)
            elif node.state == _OPEN:
                node.state = _CLOSED
                ended.append(node)
                for _, child in node.children:
                    if child.dirty:
                        node.dirty = True
                    self.loops = self.loops or child.state == _OPEN
        return ended

    def open(self, node: _Node) -> None:
        """Take a container apart and redact its leaves."""
        text, children, seen = self.rules.text, node.children, self.seen
        try:
            parts = node.parts = node.kind.parts(node.value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a hostile object raises what it likes
            node.kind, node.dirty = _UNREADABLE, True
            return
        for index, part in enumerate(parts):
            cls = type(part)
            if cls is str:
                known = seen.get(cast("str", part))
                if known is None:
                    known = text(cast("str", part))
                    seen[cast("str", part)] = known
                elif known == part:
                    continue
                new: object = known
            elif part is None or cls is bool:
                continue
            else:
                new = self.visit(part, node, index)
                if type(new) is _Node:
                    children.append((index, new))
                    continue
            if new is not part:
                node.redacted = node.redacted or list(parts)
                node.redacted[index] = new
                node.dirty = True

    def build(self, dirty: list[_Node]) -> bool:
        """Copy the dirty containers; say whether every copy in a cycle could be made."""
        waiting: list[_Node] = []
        for node in dirty:
            if node.kind.empty:
                try:
                    node.copy = node.kind.empty(node.value)
                except Exception:  # noqa: BLE001 - a class that cannot be copied
                    node.kind = _UNREADABLE
        shells = [(node, node.copy) for node in dirty if node.copy is not None] if self.loops else []
        for node in dirty:
            if node.kind.empty and any(child.dirty and child.copy is None for _, child in node.children):
                waiting.append(node)
            else:
                self.fill(node)
        for node in waiting:
            self.fill(node)
        return all(node.copy is shell for node, shell in shells)

    def fill(self, node: _Node) -> None:
        """Make the copy of one container out of its redacted parts."""
        parts = node.redacted or list(node.parts)
        for index, child in node.children:
            if child.dirty:
                parts[index] = self.rules.mark if child.copy is None else child.copy
        try:
            node.copy = node.kind.build(self.rules, node.value, parts, node.copy)
            if node.kind.checked and type(node.copy) is not TextProxy:
                node.copy = check(self.rules, node.value, node.copy)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - whatever a class does when it is filled
            node.copy = placeholder(self.rules, node.value)


def _spread(ended: list[_Node]) -> None:
    """Make everything dirty that leads to something dirty, round cycles too."""
    parents: dict[int, list[_Node]] = {}
    for node in ended:
        for _, child in node.children:
            parents.setdefault(id(child), []).append(node)
    stack = [node for node in ended if node.dirty]
    while stack:
        for parent in parents.get(id(stack.pop()), ()):
            if not parent.dirty:
                parent.dirty = True
                stack.append(parent)


_UNREADABLE = Kind(parts=lambda _: (), build=lambda rules, value, _parts, _shell: placeholder(rules, value))
