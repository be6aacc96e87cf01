"""Objects whose make is not known: everything they show or hold is looked at, none of their methods is trusted."""

from __future__ import annotations

import gc
import os
import types
from collections.abc import Iterator, Mapping
from typing import Any

from secretref._objects.kinds import UNSET, Kind, Rules, TextProxy, lookup, mro, namespace, placeholder

__all__ = [
    "OPAQUE",
    "check",
    "descriptors",
    "instance_dict",
    "own_class",
    "refused",
    "renderings",
    "slot_values",
    "withheld",
]

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made by a class statement, or by an extension that cares
_PLAIN = (str, bytes, bytearray, int, float, complex, dict, list, tuple, set, frozenset)
_EMPTY = types.CellType()
_MACHINERY = ("__builtins__", "__module__", "__qualname__", "__pydantic", "__dataclass", "__attrs", "__slots__")
_SKIPPED = (type, types.ModuleType, types.BuiltinFunctionType, types.GetSetDescriptorType, types.MemberDescriptorType)


def refused(rules: Rules, value: object) -> object:
    """Stand for what cannot be looked into without using it up; outside an opaque object the walk refuses it."""
    return placeholder(rules, value)


def withheld(rules: Rules, value: object) -> object:
    """Stand for what leads to more than can be looked at: files, frames, modules, tasks."""
    return placeholder(rules, value)


def renderings(value: object) -> list[str | bytes]:
    """Show *value* in each way that callers may; raise if it shows itself differently each time."""
    shown: list[str | bytes] = [repr(value), str(value), format(value, "")]
    if [repr(value), str(value), format(value, "")] != shown:
        raise ValueError
    cls = type(value)
    if lookup(cls, "__fspath__"):
        shown.append(os.fspath(value))  # type: ignore[call-overload]
    if lookup(cls, "__bytes__"):
        shown.append(bytes(value))  # type: ignore[call-overload]
    return [str.__str__(text) if isinstance(text, str) else text for text in shown]


def check(rules: Rules, value: object, copy: object) -> object:
    """Hand out *copy* if all it shows is clean, else the redacted text of *value*."""
    if all(rules.clean(shown) for shown in renderings(copy)):
        return copy
    return _proxy(rules, renderings(value))


def instance_dict(value: object) -> dict[object, object] | None:
    """Return the real ``__dict__`` of *value*, whatever its class says."""
    for base in mro(type(value)):
        found: Any = namespace(base).get("__dict__")
        if type(found) in (types.GetSetDescriptorType, types.MemberDescriptorType):
            held = found.__get__(value)
            return held if type(held) is dict else None
    return None


def descriptors(cls: type) -> list[Any]:
    """Return the slots of a class, inherited ones too."""
    members = (item for base in mro(cls) for item in namespace(base).items())
    return [member for name, member in members if type(member) is types.MemberDescriptorType and name != "__dict__"]


def slot_values(value: object, slots: list[Any]) -> list[object]:
    """Read slots; an empty one reads as ``UNSET``."""
    values: list[object] = []
    for slot in slots:
        try:
            values.append(slot.__get__(value))
        except AttributeError:
            values.append(UNSET)
    return values


def own_class(cls: type) -> bool:
    """Say whether a class was made by a class statement, so that its body may hold data."""
    return bool(cls.__flags__ & _HEAP)


def class_body(cls: type) -> list[object]:
    """List the plain data in the bodies of a class and its bases, overridden ones too, with their names."""
    return [found for base in mro(cls) if own_class(base) for found in plain_data(namespace(base))]


def plain_data(held: Mapping[str, object]) -> Iterator[object]:
    """List the plain data in the namespace of a class or module, and the annotations that are text."""
    for name, value in list(held.items()):
        if name == "__annotations__":
            yield [note for note in value.values() if type(note) is str]  # type: ignore[attr-defined]
        elif name == "__pydantic_fields__":
            yield [field.default for field in value.values() if issubclass(type(field.default), _PLAIN)]  # type: ignore[attr-defined]
        elif issubclass(type(value), _PLAIN) and not name.startswith(_MACHINERY):
            yield name, value


def _methods(cls: type) -> list[object]:
    """List the plain data that the methods of a class hold in defaults and closures."""
    bodies = (namespace(base) for base in mro(cls) if own_class(base))
    found: list[object] = []
    for method in (value for body in bodies for value in body.values() if type(value) is types.FunctionType):
        found += method.__defaults__ or ()
        found += (method.__kwdefaults__ or {}).values()
        found += (cell.cell_contents for cell in method.__closure__ or () if cell != _EMPTY)
    return [one for one in found if issubclass(type(one), _PLAIN)]


def _parts(value: object) -> list[object]:
    """List everything that *value* shows or holds; the renderings come first."""
    cls = type(value)
    held = instance_dict(value)
    before = dict(held or {})
    parts: list[object] = [*renderings(value), held, class_body(cls), _methods(cls)]
    if before.keys() != (held or {}).keys() or any(before[name] is not now for name, now in (held or {}).items()):
        raise ValueError  # it changes by being looked at
    parts += slot_values(value, descriptors(cls))
    parts += _getset_values(value, cls)
    parts += (one for one in _referents(value) if not issubclass(type(one), _SKIPPED))
    if (raw := _buffer(value)) is not None:
        parts.append(raw)
    if issubclass(cls, Mapping):
        parts.append(dict(value))  # type: ignore[call-overload]
    return parts


def _getset_values(value: object, cls: type) -> Iterator[object]:
    """Read the computed attributes of a C type that yield plain data."""
    for base in mro(cls):
        for name, member in namespace(base).items():
            if type(member) is types.GetSetDescriptorType and not name.startswith("__"):
                try:
                    held = member.__get__(value)
                except Exception:  # noqa: BLE001, S112 - not available now is as good as not there
                    continue
                if type(held) in _PLAIN:
                    yield held


def _referents(value: object) -> Iterator[object]:
    """Ask the garbage collector what a C object holds. Lists and tuples are not iterated: they may be half made."""
    stack, seen = gc.get_referents(value), set[int]()
    while stack:
        held = stack.pop()
        if type(held) not in (list, tuple):
            yield held
        elif id(held) not in seen:
            seen.add(id(held))
            stack += gc.get_referents(held)


def _buffer(value: object) -> bytes | None:
    try:
        with memoryview(value) as view:  # type: ignore[arg-type]
            return view.tobytes()
    except (TypeError, ValueError, BufferError):
        return None


def _build(rules: Rules, _value: object, parts: list[Any], _shell: object) -> TextProxy:
    return _proxy(rules, parts)


def _proxy(rules: Rules, shown: list[Any]) -> TextProxy:
    return TextProxy(rules.text(shown[1]), rules.text(shown[0]))


OPAQUE = Kind(parts=_parts, build=_build, opaque=True)
