"""Hide values in objects of every kind, types kept: the walk, and what it knows of each type."""

from secretref._objects.kinds import UNSET, Rules, TextProxy, class_name, lookup, mro, type_name
from secretref._objects.opaque import descriptors, instance_dict, own_class, slot_values
from secretref._objects.plain import leaves, patched, serialised
from secretref._objects.walk import rewrite

__all__ = [
    "UNSET",
    "Rules",
    "TextProxy",
    "class_name",
    "descriptors",
    "instance_dict",
    "leaves",
    "lookup",
    "mro",
    "own_class",
    "patched",
    "rewrite",
    "serialised",
    "slot_values",
    "type_name",
]
