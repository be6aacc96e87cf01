"""How a value is taken apart into parts, and put together again from redacted parts.

A *leaf* is a function ``(rules, value) -> value``: it answers at once, with the same object when that is clean.
A *kind* names the parts of a value, which the walk then redacts one by one, and how to make a copy of them.
Everything is looked up on the real type: what ``__class__``, ``__getattribute__`` or a metaclass say is not asked.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

__all__ = [
    "UNSET",
    "Kind",
    "Leaf",
    "Rules",
    "TextProxy",
    "class_name",
    "lookup",
    "mro",
    "namespace",
    "placeholder",
    "type_name",
    "unchanged",
]

mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
namespace: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_module: Callable[[type], object] = type.__dict__["__module__"].__get__
_qualname: Callable[[type], str] = type.__dict__["__qualname__"].__get__
UNSET = types.new_class("Unset")()  # stands for a slot without a value


@dataclass(frozen=True, slots=True)
class Rules:
    """What the walk needs of a redactor; each function returns the same object when that is clean."""

    text: Callable[[str], str]
    data: Callable[[bytes], bytes]
    mark: str
    exception: Callable[[BaseException], BaseException]
    numbers: bool = True

    def clean(self, shown: str | bytes) -> bool:
        """Say whether *shown* holds no value."""
        return self.text(shown) is shown if isinstance(shown, str) else self.data(shown) is shown


Leaf = Callable[[Rules, Any], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """How values of one type are copied.

    Attributes:
        parts: The values inside, in an order that ``build`` and ``fill`` know.
        build: Make the copy from redacted parts; for a type with a shell, pour them into the shell instead.
        empty: Make an empty copy first, the shell, so that a cycle can run through it; None for immutable types.
        checked: Look at what the copy shows before it is handed out.
        opaque: The parts are whatever could be reached, not what the value is made of.
    """

    parts: Callable[[Any], Sequence[object]]
    build: Callable[[Rules, Any, list[Any], Any], object]
    empty: Callable[[Any], object] | None = None
    checked: bool = False
    opaque: bool = False


class TextProxy(str):
    """Redacted text in place of an object that could not be copied; ``repr`` is the object's, redacted too."""

    __slots__ = ("_shown",)
    _shown: str

    def __new__(cls, text: str, shown: str) -> Self:
        """Stand for an object whose ``str`` is *text* and whose ``repr`` is *shown*, both redacted."""
        proxy = super().__new__(cls, text)
        proxy._shown = shown
        return proxy

    def __repr__(self) -> str:
        return self._shown

    def __reduce__(self) -> tuple[type[TextProxy], tuple[str, str]]:
        return TextProxy, (str.__str__(self), self._shown)


def lookup(cls: type, name: str) -> Any:
    """Find *name* in the class bodies of *cls*, in order, asking no metaclass; None if there is none."""
    for base in mro(cls):
        if name in namespace(base):
            return namespace(base)[name]
    return None


def type_name(cls: type) -> str:
    """Name a class with its module, as the interpreter knows it."""
    return f"{_module(cls)}.{_qualname(cls)}"


def class_name(rules: Rules, cls: type) -> str:
    """Name a class by what the interpreter knows of it, redacted."""
    return rules.text(_qualname(cls))


def placeholder(rules: Rules, value: object) -> TextProxy:
    """Stand for a value that could not be looked at: its type's name is all that is shown."""
    shown = f"<{class_name(rules, type(value))}>"
    return TextProxy(shown, shown)


def unchanged(_rules: Rules, value: object) -> object:
    """Leave a value that can hold no text."""
    return value
