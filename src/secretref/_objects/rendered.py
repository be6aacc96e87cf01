"""Which classes show themselves by known code, so that their ``repr`` need not be tried.

A known ``repr`` shows the parts of the value and the names of its class, which the walk looks at anyway. Trying it
all the same would cost the square of the depth, and fail beyond the interpreter's recursion limit.
"""

from __future__ import annotations

import collections
import sys
import types
from dataclasses import dataclass
from typing import Any

from secretref._objects.kinds import lookup

__all__ = ["renders"]


@dataclass
class _Sample:
    field: int = 0


_C_TYPES = frozenset({
    object, str, bytes, bytearray, int, float, complex, dict, list, tuple, set, frozenset, types.SimpleNamespace,
    collections.OrderedDict, collections.defaultdict, collections.deque,
})  # fmt: skip
_CODES = frozenset(
    function.__code__
    for function in (
        collections.namedtuple("_Pair", "a b").__repr__,  # noqa: PYI024 - its repr is the point
        collections.Counter.__repr__,
        collections.UserDict.__repr__,
        collections.UserList.__repr__,
        collections.UserString.__repr__,
        collections.UserString.__str__,
        collections.ChainMap.__repr__,
    )
)
_DATACLASS: types.CodeType = _Sample.__repr__.__code__  # shared by all its wrappers
_MEMBERS = ("__repr__", "__str__", "__format__")


def renders(cls: type) -> bool:
    """Say whether a class shows itself by code of its own, or has other ways to show itself."""
    members = [lookup(cls, name) for name in _MEMBERS]
    return not (all(map(_known, members)) or _pydantic(cls, members)) or any(
        lookup(cls, name) for name in ("__fspath__", "__bytes__") if not issubclass(cls, (bytes, bytearray))
    )


def _known(function: Any) -> bool:
    if type(function) in (types.WrapperDescriptorType, types.MethodDescriptorType):
        return function.__objclass__ in _C_TYPES
    if type(function) is not types.FunctionType:
        return False
    inner = getattr(function, "__wrapped__", function)
    if function.__code__ is _DATACLASS:
        return inner.__code__.co_filename == "<string>"
    return function.__code__ in _CODES or inner.__code__.co_filename.startswith("<attrs generated")


def _pydantic(cls: type, members: list[Any]) -> bool:
    model = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if model is None or not issubclass(cls, model):
        return False
    helpers = ("__repr_args__", "__repr_name__", "__repr_str__", "__repr_recursion__")
    same = all(lookup(cls, name) is lookup(model, name) for name in helpers)
    plain = all(member is lookup(model, name) for name, member in zip(_MEMBERS, members, strict=True))
    return same and plain and not lookup(cls, "__pydantic_computed_fields__")
