"""Template, SecretRef: a trusted definition, compiled once: text → references → text.

A template is a frozen copy of its definition and the list of the places that hold expressions. Rendering takes a
tree from the copy and writes to those places and to no others: what stands elsewhere is never looked at again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self, cast, final

from secretref._plan import Edits, Leaf, Piece, Touched, edits, leaves
from secretref._survey import DEFAULT, Limits, Survey, characters, faults, flaws_of_key, survey
from secretref._syntax import Expression, Kind
from secretref._tree import JSON, Frame, compact, freeze, place, plain, thaw
from secretref.errors import ConfigurationError, InputError, LimitError, TemplateSyntaxError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["SecretRef", "Template"]

_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf]")  # in the UTF-8 of a frozen tree; numbers in it may look so too
_EVALUATED: Final = frozenset({Kind.SECRET, Kind.FOREIGN})


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One secret reference of a template.

    Attributes:
        name: The secret.
        path: Steps into its value: fields, indexes, and ``$`` for the document itself.
        place: JSON Pointer of the string it stands in; empty when the definition is that string.
        span: Where it stands in that string, half-open, in characters.
    """

    name: str
    path: tuple[str | int, ...]
    place: str
    span: tuple[int, int]


@final
class Template:
    """A trusted definition: a string, or a JSON-like tree of strings and other scalars.

    ``Template.compile`` is the one act by which somebody declares text to be trusted. A template holds no value and
    cannot be changed. Two are equal when their definitions are, order of keys and kinds of numbers included.
    """

    _frozen: bytes
    _touched: Touched

    def __init__(self) -> None:
        raise InputError("a template is made by Template.compile")

    @classmethod
    def compile(cls, definition: object, *, limits: Limits = DEFAULT) -> Self:
        """Compile a trusted *definition*.

        The template keeps its own copy: whatever happens to *definition* afterwards changes nothing. Of the last
        small definitions the templates are remembered.

        Args:
            definition: A string, or a tree of mappings, lists and scalars. Its strings may hold references,
                the keys of its mappings may not.
            limits: Budgets.

        Raises:
            TemplateSyntaxError: References are malformed; carries all faults, in the order of the definition.
            InputError: Something in it is not JSON, or it contains itself.
            LimitError: It exceeds a budget.
            ConfigurationError: *limits* are none.
        """
        if not isinstance(limits, Limits):
            raise ConfigurationError("limits are given as Limits")
        frozen = _frozen(definition)
        known = _KNOWN.get(frozen) if limits is DEFAULT else None
        if known is not None:
            return known
        found = survey(definition, limits)
        if found is None:
            definition = plain(definition, depth=limits.depth)
            found, frozen = cast("Survey", survey(definition, limits)), freeze([definition])
        if len(frozen) > limits.size and characters(definition) > limits.size:
            raise LimitError("characters", limits.size)
        if _SURROGATE.search(frozen):
            plain(definition)
        if not found.sound or any(flaws_of_key(key) for key in found.keys if "$" in key):
            raise TemplateSyntaxError(faults(definition))
        template = object.__new__(cls)
        vars(template).update(_frozen=frozen, _touched=found.touched)
        if limits is DEFAULT:
            _remember(template)
        return template

    @classmethod
    def from_json(cls, text: str | bytes, *, limits: Limits = DEFAULT) -> Self:
        """Compile the definition that the JSON *text* holds.

        Raises as ``compile`` does, and InputError for what is no JSON.
        """
        import json  # noqa: PLC0415 - on first use

        fault: Exception
        try:
            definition = json.loads(text)
        except RecursionError:
            fault = LimitError("levels of nesting", limits.depth)
        except (ValueError, TypeError):
            fault = InputError("the definition is no JSON")
        else:
            return cls.compile(definition, limits=limits)
        raise fault

    def to_json(self) -> str:
        """Write the definition as JSON text."""
        return compact(self.definition)

    @property
    def definition(self) -> JSON:
        """A fresh copy of the definition."""
        definition: JSON = self.fresh_box()[0]
        return definition

    @cached_property
    def names(self) -> frozenset[str]:
        """The secrets it refers to."""
        return frozenset(expression.name for expression in self.secrets)

    @cached_property
    def references(self) -> tuple[SecretRef, ...]:
        """All secret references, in the order of the definition."""
        return tuple(_references(self._touched))

    @cached_property
    def occurrences(self) -> Counter[Expression]:
        """How often each secret and each foreign expression occurs, for the resolver."""
        every = (item.expression for _, leaf in self.leaves() for item in leaf.items)
        return Counter(each for each in every if each.kind in _EVALUATED)

    @cached_property
    def secrets(self) -> tuple[Expression, ...]:
        """The secret expressions, each once, for the resolver."""
        return tuple(each for each in self.occurrences if each.kind is Kind.SECRET)

    @cached_property
    def foreign(self) -> tuple[Expression, ...]:
        """The foreign expressions, each once, for the resolver."""
        return tuple(each for each in self.occurrences if each.kind is Kind.FOREIGN)

    @cached_property
    def embedded(self) -> frozenset[Expression]:
        """The expressions that stand inside a longer string somewhere, for the resolver."""
        return frozenset(item.expression for _, leaf in self.leaves() for item in leaf.items if not leaf.is_whole)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Bytes of the definition, and how many expressions are in it, for the resolver."""
        return len(self._frozen), self.occurrences.total()

    @cached_property
    def edits(self) -> Edits:
        """Where secrets go, for the resolver; foreign expressions stay as they stand."""
        return self.plan(lambda leaf: leaf.pieces(bind=False))

    @cached_property
    def bindings(self) -> Edits:
        """Where secrets and data go, for the resolver."""
        return self.plan(lambda leaf: leaf.pieces(bind=True))

    @cached_property
    def box(self) -> list[Any]:
        """The definition in a list of one, for the resolver; it must not be changed."""
        return self.fresh_box()

    def fresh_box(self) -> list[Any]:
        """Return a fresh copy of the definition in a list of one."""
        found: list[Any] = thaw(self._frozen)
        return found

    def leaves(self) -> Iterator[tuple[Frame, Leaf]]:
        """Yield each string that holds expressions with its place, for the resolver."""
        return leaves(self._touched)

    def plan(self, pieces_of: Callable[[Leaf], tuple[Piece, ...] | None]) -> Edits:
        """List where other pieces go, for the resolver."""
        return edits(self._touched, pieces_of)

    def __str__(self) -> str:
        """Return the text of the definition: itself if it is a string, else as JSON."""
        definition = self.definition
        return definition if isinstance(definition, str) else compact(definition)

    def __repr__(self) -> str:
        return f"Template({len(self.references)} references to {len(self.names)} secrets)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        return self._frozen == other._frozen or (self.names == other.names and self.to_json() == other.to_json())

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.to_json())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a template cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a template cannot be changed")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by definition, so that another release or interpreter can read it."""
        return Template.compile, (self.definition,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Be a field of a pydantic model: valid from a definition, written as one."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only called by pydantic

        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.compile(value),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: template.definition),
            json_schema_input_schema=core_schema.any_schema(),
        )


_KNOWN: Final[
    dict[bytes, Template]
] = {}  # the last small templates: engines compile one definition for each of its runs
_MOST_KNOWN: Final = 256
_SMALL: Final = 1 << 16  # bytes


def _remember(template: Template) -> None:
    """Keep *template* in place of the oldest; templates cannot be changed, so that all may share it."""
    frozen = template._frozen  # noqa: SLF001 - of this module
    if len(frozen) <= _SMALL:
        _KNOWN[frozen] = template
    while len(_KNOWN) > _MOST_KNOWN:
        _KNOWN.pop(next(iter(tuple(_KNOWN)), b""), None)


def _frozen(definition: object) -> bytes:
    """Freeze what may not be plain; nothing if it cannot be frozen.

    What is written shows the types of all that is in it, so what is the same bytes as something plain is plain itself.
    """
    try:
        return freeze([definition])
    except ValueError:
        return b""


def _references(touched: Touched) -> Iterator[SecretRef]:
    for frame, leaf in leaves(touched):
        where = place(frame)
        for start, end, expression in leaf.items:
            if expression.kind is Kind.SECRET:
                path = tuple("$" if step is None else step for step in expression.steps)
                yield SecretRef(expression.name, path, where, (start, end))
