"""What is known of containers, of classes that keep their state in attributes, and of code."""

from __future__ import annotations

import collections
import enum
import functools
import io
import re
import sys
import types
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from secretref._objects.kinds import UNSET, Kind, Leaf, Rules, TextProxy, lookup, mro, placeholder, type_name, unchanged
from secretref._objects.opaque import (
    OPAQUE,
    check,
    class_body,
    descriptors,
    instance_dict,
    own_class,
    plain_data,
    refused,
    renderings,
    slot_values,
    withheld,
)
from secretref._objects.rendered import renders
from secretref._objects.scalars import SCALARS
from secretref._objects.tables import TABLES

__all__ = ["BUILTIN", "kind_of"]


_SPELLED = 6  # no shorter value is searched for inside a text


def _pairs(value: Any) -> list[object]:
    if type(value) is dict:
        snapshot = value.copy()
        return [*snapshot, *snapshot.values()]
    items = list(dict.items(value))  # dict.copy would ask an overridden keys()
    return [*(key for key, _ in items), *(item for _, item in items)]


def _pour(rules: Rules, value: Any, parts: list[Any], shell: Any) -> object:
    """Fill a dict; where redacted keys collide, number them."""
    half = len(parts) // 2
    keys, values = parts[:half], parts[half:]
    dict.update(shell, zip(keys, values, strict=True))
    if len(shell) < half:
        dict.clear(shell)
        dict.update(shell, zip(_numbered(keys, {id(key) for key in dict.keys(value)}, rules.mark), values, strict=True))
    return shell


def _numbered(keys: list[Any], kept: set[int], mark: str) -> Iterator[Any]:
    """Give each key that collides a number; those in *kept* (by identity) were there before and stay."""
    taken = {key for key in keys if id(key) in kept}
    counts: dict[Any, int] = {}
    for key in keys:
        new = key
        while id(key) not in kept and new in taken:
            number = counts[key] = counts.get(key, 1) + 1
            new = key + b"_%d" % number if type(key) is bytes else f"{key if type(key) is str else mark}_{number}"
        taken.add(new)
        yield new


def _pour_ordered(rules: Rules, value: Any, parts: list[Any], shell: Any) -> object:
    for key, item in _pour(rules, value, parts, {}).items():  # type: ignore[attr-defined]
        collections.OrderedDict.__setitem__(shell, key, item)
    return shell


def _ordered_pairs(value: Any) -> list[object]:
    items = list(collections.OrderedDict.items(value))
    return [*(key for key, _ in items), *(item for _, item in items)]


def _pour_default(rules: Rules, value: Any, parts: list[Any], shell: Any) -> object:
    shell.default_factory = parts[0] if callable(parts[0]) else None
    return _pour(rules, value, parts[1:], shell)


def _spelled(items: Any) -> list[object]:
    """Read a sequence of character codes or of single characters as the text it spells, in one more part."""
    text: object = None
    if len(items) >= _SPELLED:
        if type(items[0]) is int:
            with suppress(TypeError, ValueError):  # no bytes
                text = bytes(items)
        elif type(items[0]) is str and all(type(item) is str and len(item) == 1 for item in items):
            text = "".join(items)
    return [*items, text]


def _items(parts: list[Any], value: Any) -> list[Any]:
    """Return the items of a sequence, or the redacted text if they spelled a value."""
    return parts[:-1] if parts[-1] is None or parts[-1] == _spelled(value)[-1] else list(parts[-1])


def _extend_list(_rules: Rules, value: Any, parts: list[Any], shell: Any) -> object:
    list.extend(shell, _items(parts, list.copy(value)))
    return shell


def _add_all(_rules: Rules, _value: object, parts: list[Any], shell: Any) -> object:
    set.update(shell, parts)
    return shell


def _new_deque(value: Any) -> object:
    shell = collections.deque.__new__(type(value))
    collections.deque.__init__(shell, (), value.maxlen)
    return shell


def _extend_deque(_rules: Rules, _value: object, parts: list[Any], shell: Any) -> object:
    collections.deque.extend(shell, parts)
    return shell


def _new_tuple(_rules: Rules, value: Any, parts: list[Any], _shell: object) -> object:
    cls = type(value)
    items = _items(parts, tuple.__getitem__(value, slice(None)))
    return cls(items) if _structseq(cls) else tuple.__new__(cls, items)


def _structseq(cls: type) -> bool:
    return lookup(cls, "n_sequence_fields") is not None


CONTAINERS: dict[type, Kind] = {
    dict: Kind(parts=_pairs, build=_pour, empty=lambda value: dict.__new__(type(value))),
    collections.OrderedDict: Kind(
        parts=_ordered_pairs, build=_pour_ordered, empty=lambda value: collections.OrderedDict.__new__(type(value))
    ),
    collections.defaultdict: Kind(
        parts=lambda value: [value.default_factory, *_pairs(value)],
        build=_pour_default,
        empty=lambda value: collections.defaultdict.__new__(type(value)),
    ),
    list: Kind(
        parts=lambda value: _spelled(list.copy(value)),
        build=_extend_list,
        empty=lambda value: list.__new__(type(value)),
    ),
    tuple: Kind(parts=lambda value: _spelled(tuple.__getitem__(value, slice(None))), build=_new_tuple),
    set: Kind(parts=lambda value: list(set.copy(value)), build=_add_all, empty=lambda value: set.__new__(type(value))),
    frozenset: Kind(
        parts=lambda value: list(frozenset.__iter__(value)),
        build=lambda _rules, value, parts, _shell: frozenset.__new__(type(value), parts),
    ),
    collections.deque: Kind(
        parts=lambda value: list(collections.deque.__iter__(value)), build=_extend_deque, empty=_new_deque
    ),
    str: Kind(
        parts=lambda value: [str.__str__(value)],
        build=lambda _rules, value, parts, _shell: str.__new__(type(value), parts[0]),
    ),
    bytes: Kind(
        parts=lambda value: [bytes.__getitem__(value, slice(None))],
        build=lambda _rules, value, parts, _shell: bytes.__new__(type(value), parts[0]),
    ),
    int: Kind(
        parts=lambda value: [int.__add__(value, 0)],
        build=lambda rules, value, parts, _: _number(int, rules, value, parts),
    ),
    float: Kind(
        parts=lambda value: [float.__pos__(value)],
        build=lambda rules, value, parts, _: _number(float, rules, value, parts),
    ),
    slice: Kind(
        parts=lambda value: [value.start, value.stop, value.step],
        build=lambda _rules, _value, parts, _shell: slice(*parts),
    ),
    types.MappingProxyType: Kind(
        parts=lambda value: [value.copy()], build=lambda _rules, _value, parts, _shell: types.MappingProxyType(parts[0])
    ),
    type({}.keys()): Kind(parts=list, build=lambda _rules, _value, parts, _shell: dict.fromkeys(parts).keys()),
    type({}.values()): Kind(parts=list, build=lambda _rules, _value, parts, _shell: dict(enumerate(parts)).values()),
    type({}.items()): Kind(parts=list, build=lambda _rules, _value, parts, _shell: dict(parts).items()),
    functools.partial: Kind(
        parts=lambda value: [value.func, value.args, value.keywords, value.__dict__],
        build=lambda _rules, _value, parts, _shell: functools.partial(parts[0], *parts[1], **parts[2]),
    ),
}


def _number(plain: Any, rules: Rules, value: Any, parts: list[Any]) -> object:
    return plain.__new__(type(value), parts[0]) if type(parts[0]) is plain else rules.mark


def _extended(content: Kind, cls: type) -> Kind:
    """Copy instances of a class of the user's, content, ``__dict__`` and slots, running none of its code."""
    body: object = class_body(cls)
    slots, shows = [] if _structseq(cls) else descriptors(cls), renders(cls)
    first = 3 + len(slots)

    def parts(value: object) -> list[object]:
        shown = tuple(renderings(value)) if shows else None
        return [instance_dict(value), shown, body, *slot_values(value, slots), *content.parts(value)]

    def build(rules: Rules, value: object, parts: list[Any], shell: Any) -> object:
        if parts[2] is not body:  # the class itself holds a value: every instance leads to it
            return TextProxy(rules.text(str(value)), rules.text(repr(value)))
        copy = content.build(rules, value, parts[first:], shell)
        if type(copy) is not cls:
            return copy
        held = instance_dict(copy)
        if held is not None and parts[0]:
            held.update(parts[0])
        for slot, part in zip(slots, parts[3:first], strict=True):
            if part is not UNSET:
                slot.__set__(copy, part)
        return copy

    return replace(content, parts=parts, build=build, checked=shows)


def _new(value: object) -> object:
    """Make an empty instance by the constructor of the C type underneath, running no code of the class."""
    cls = type(value)
    base: Any = next(base for base in mro(cls) if not own_class(base))
    made: object = base.__new__(cls)
    return made


_OBJECT = Kind(parts=lambda _: (), build=lambda _rules, _value, _parts, shell: shell, empty=_new)


def _mapping(cls: type) -> Kind:
    """Copy a mapping of unknown make by its attributes; if that does not hide everything, as a plain dict."""
    plain = _extended(replace(_OBJECT, parts=lambda value: [dict(value)]), cls)

    def build(rules: Rules, value: object, parts: list[Any], shell: Any) -> object:
        with suppress(Exception):  # a half-made copy of a class that keeps its state elsewhere
            copy: Any = plain.build(rules, value, parts, shell)
            if type(check(rules, value, copy)) is cls and repr(dict(copy)) == repr(parts[-1]):
                return copy
        return parts[-1]

    return Kind(parts=plain.parts, build=build, empty=plain.empty, opaque=True)  # it may yield ever new mappings


def _seen(*extra: Callable[[Any], object]) -> Kind:
    """Look at ``repr`` and some more of a value that is never copied: clean, or a proxy."""

    def parts(value: object) -> list[object]:
        shown = repr(value)
        return [shown, shown, *(look(value) for look in extra)]

    return replace(OPAQUE, parts=parts)


def _cells(function: Any) -> list[object]:
    cells = function.__closure__ or ()
    held = [cell.cell_contents for cell in cells if cell != types.CellType()]
    notes = getattr(function, "__annotations__", {}).values()
    return [
        *(one for one in held if not isinstance(one, (type, types.ModuleType))),
        *(note for note in notes if type(note) is str),
    ]


def _receiver(function: Any) -> object:
    return None if isinstance(function.__self__, (types.ModuleType, type)) else function.__self__


def _module_data(module: Any) -> list[object]:
    """List the data in a module, such as settings; ``sys`` leads to all others."""
    return [] if module is sys else list(plain_data(vars(module)))


_SEEN: dict[type, Kind] = {
    types.FunctionType: _seen(
        lambda f: (f.__name__, f.__doc__, f.__defaults__, f.__kwdefaults__, f.__dict__, f.__code__), _cells
    ),
    types.CodeType: _seen(lambda code: code.co_consts),
    types.MethodType: _seen(lambda method: method.__self__, lambda method: method.__func__),
    types.BuiltinFunctionType: _seen(_receiver),
    types.MethodWrapperType: _seen(lambda wrapper: wrapper.__self__),
    types.ModuleType: _seen(_module_data),
    re.Pattern: _seen(lambda pattern: pattern.pattern),
    re.Match: _seen(lambda match: match.string, lambda match: match.re),
    weakref.ref: _seen(lambda ref: ref()),
    ContextVar: _seen(lambda var: (var.name, var.get(None))),
}
_LEAVES: dict[type, Leaf] = {
    **SCALARS,
    types.FrameType: withheld,
    types.TracebackType: withheld,
    weakref.ProxyType: withheld,
    weakref.CallableProxyType: withheld,
    types.GeneratorType: refused,
    types.CoroutineType: refused,
    types.AsyncGeneratorType: refused,
    type(UNSET): unchanged,
}
_KNOWN: dict[type, Kind | Leaf] = {**CONTAINERS, **_SEEN, **_LEAVES}
BUILTIN = {id(cls): kind for cls, kind in _KNOWN.items()}

_STATEFUL = frozenset({
    "types.SimpleNamespace", "argparse.Namespace", "collections.UserDict", "collections.UserList",
    "collections.UserString", "collections.ChainMap", "email.message.Message", "urllib.request.Request",
    "xml.etree.ElementTree.ElementTree", "requests.models.Request", "requests.models.PreparedRequest",
    "requests.models.Response", "pydantic.types._SecretBase", "httpx.Request", "httpx.Response", "httpx.Headers",
})  # fmt: skip  # their state is all in their attributes, and a copy owns nothing that must be closed
_HELD = frozenset({"_asyncio.Future", "asyncio.futures.Future", "sqlite3.Connection", "_socket.socket"})


def kind_of(rules: Rules, cls: type) -> Kind | Leaf:
    """Choose how instances of a class outside the table are treated; the first rule that fits holds."""
    bases = mro(cls)
    if issubclass(cls, BaseException):
        return lambda rules, value: rules.exception(value)
    if issubclass(cls, type):
        return _seen(class_body)
    if not _clean_names(rules, cls):
        return placeholder
    if issubclass(cls, enum.Enum):
        return replace(OPAQUE, parts=lambda value: [*renderings(value), value._name_, value._value_])
    for base in bases:
        if base in CONTAINERS:
            return _extended(CONTAINERS[base], cls)
        if base in _SEEN:
            return _SEEN[base]
        library_name = f"{type_name(base).partition('.')[0]}.{base.__name__}"
        if library_name in TABLES:
            return TABLES[library_name]
    if issubclass(cls, io.IOBase) or any(type_name(base) in _HELD for base in bases):
        return withheld
    if issubclass(cls, (Iterator, Awaitable)):
        return refused
    return _by_make(cls, bases)


def _by_make(cls: type, bases: tuple[type, ...]) -> Kind | Leaf:
    """Choose for a class that is none of the known ones."""
    if lookup(cls, "__del__"):
        return OPAQUE
    if any(type_name(base) in _STATEFUL for base in bases) or any(
        lookup(cls, name) is not None
        for name in ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields_set__", "__fields_set__")
    ):
        return _extended(_OBJECT, cls)
    if issubclass(cls, Mapping):
        return _mapping(cls)
    if cls.__name__.endswith(("Url", "URL")):
        return replace(OPAQUE, build=_rebuilt)
    return OPAQUE


def _rebuilt(rules: Rules, value: object, parts: list[Any], shell: object) -> object:
    """Make a URL anew of its redacted text."""
    try:
        return check(rules, value, type(value)(parts[1]))  # type: ignore[call-arg]
    except Exception:  # noqa: BLE001 - the redacted text is no URL any more
        return OPAQUE.build(rules, value, parts, shell)


def _clean_names(rules: Rules, cls: type) -> bool:
    """Say whether the names that a class gives itself and its fields are clean."""
    fields: Sequence[str] = lookup(cls, "_fields") or ()
    names = [type_name(cls), *(slot.__name__ for slot in descriptors(cls))]
    return all(map(rules.clean, names)) and all(rules.clean(name) for name in fields if isinstance(name, str))
