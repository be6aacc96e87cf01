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


def class_body(cls: type) -> dict[str, object]:
    """Return the plain data in the bodies of a class and its bases."""
    return {
        name: value
        for base in mro(cls)
        if own_class(base)
        for name, value in namespace(base).items()
        if issubclass(type(value), _PLAIN) and not name.startswith("__")
    }


def _parts(value: object) -> list[object]:
    """List everything that *value* shows or holds; the renderings come first."""
    cls = type(value)
    parts: list[object] = [*renderings(value), instance_dict(value), class_body(cls)]
    parts += slot_values(value, descriptors(cls))
    parts += (held for held in _getset_values(value, cls))
    parts += (held for held in gc.get_referents(value) if not issubclass(type(held), _SKIPPED))
    if (held := _buffer(value)) is not None:
        parts.append(held)
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
