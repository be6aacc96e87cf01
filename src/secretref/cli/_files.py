"""Read definition files, and find where in the file a place of the tree stands.

Programs report a JSON Pointer and a span in the decoded string; people want line and column of the file.
The file is read once by its parser; only when something is to be reported is it walked a second time.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from secretref.errors import MissingExtraError, SecretRefError
from secretref.providers import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import yaml

__all__ = ["Source", "Spot", "UnreadableError", "read_names", "read_source"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL)
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.DOTALL)  # one decoded character
_YAML_SUFFIXES = {".yaml", ".yml"}


class Spot(NamedTuple):
    """A position in a file, both counted from 1, the column in characters."""

    line: int
    column: int


class _Found(NamedTuple):
    """Where a string stands: the text it decodes to is compared to tell a key from the value under it."""

    text: str
    at: int | Spot  # offset of its first character in JSON, position of it in YAML


class UnreadableError(SecretRefError):
    """A file cannot be read, or is not what its name says; the message shows none of its text."""

    code = "unreadable"


@dataclass(frozen=True)
class Source:
    """One definition file, read."""

    name: str
    text: str
    tree: Any
    is_yaml: bool = False

    def spot(self, place: str, span: tuple[int, int], reference: str) -> Spot:
        """Return where *reference* stands in the file; the file's begin when it cannot be told."""
        candidates = self._places.get(place, [])
        found = next((one for one in reversed(candidates) if one.text.startswith(reference[:20], span[0])), None)
        if found is None:
            return Spot(1, 1)
        if isinstance(found.at, Spot):
            return Spot(found.at.line, found.at.column + span[0])
        offset = found.at
        for _ in range(span[0]):
            character = _CHARACTER.match(self.text, offset)
            offset = character.end() if character else offset
        return Spot(self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset))

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield place and text of every string that is no key."""
        stack: list[tuple[str, Any]] = [("", self.tree)]
        while stack:
            place, node = stack.pop()
            if isinstance(node, str):
                yield place, node
            members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
            stack.extend((f"{place}/{_escaped(str(key))}", member) for key, member in members)

    @cached_property
    def _places(self) -> dict[str, list[_Found]]:
        """Positions of all keys and strings by place; a key shares the place of the value under it."""
        places: dict[str, list[_Found]] = {}
        for place, found in _yaml_strings(_yaml_root(self.text)) if self.is_yaml else _json_strings(self.text):
            places.setdefault(place, []).append(found)
        return places


def read_source(name: str) -> Source:
    """Read one definition file; ``-`` is standard input.

    Raises:
        UnreadableError: The file cannot be read or is not what its name says.
        MissingExtraError: A YAML file, and no YAML parser.
    """
    text = _read(name)
    if Path(name).suffix in _YAML_SUFFIXES:
        return Source(name, text, _yaml_tree(text, name), is_yaml=True)
    fault = ""
    try:
        return Source(name, text, json.loads(text))
    except json.JSONDecodeError as error:
        fault = f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}"
    except RecursionError:
        fault = f"{name}: nested too deeply"
    raise UnreadableError(fault)


def read_names(argument: str, *, definitions: bool) -> frozenset[str]:
    """Read secret names: a file of JSON (an array), a file with one name a line, or a list with commas.

    With *definitions* it is a file in any case, and one of JSON or YAML that is no array of strings counts by its
    references.

    Raises:
        UnreadableError: It is none of these, or something in it is no name.
    """
    if definitions or argument == "-" or Path(argument).is_file():
        names = _names_of(argument, definitions=definitions)
        fault = "a line is no name of a secret"
    else:
        names = frozenset(filter(None, (name.strip() for name in argument.split(","))))
        fault = "neither a file nor names of secrets with commas"
    if not all(map(is_name, names)):
        raise UnreadableError(f"{argument}: {fault}")
    return names


def _names_of(file: str, *, definitions: bool) -> frozenset[str]:
    if Path(file).suffix not in {".json", *_YAML_SUFFIXES}:
        lines = (line.strip() for line in _read(file).splitlines())
        return frozenset(line for line in lines if line and not line.startswith("#"))
    tree = read_source(file).tree
    if isinstance(tree, list) and all(is_name(name) for name in tree):
        return frozenset(tree)
    if definitions:
        from secretref._template import Template

        return Template.compile(tree).names
    raise UnreadableError(f"{file}: an array of names expected")


def _read(name: str) -> str:
    fault = ""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        fault = f"{name}: {error.strerror or type(error).__name__}"
    except UnicodeDecodeError:
        fault = f"{name}: not UTF-8"
    raise UnreadableError(fault)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


# JSON ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A container that is not closed yet: its place, and what comes next in it."""

    place: str
    index: int | None  # None: an object
    key: str | None = None  # place of the pending value of an object

    @property
    def next(self) -> str:
        return f"{self.place}/{self.index}" if self.index is not None else self.key or self.place


def _json_strings(text: str) -> Iterator[tuple[str, _Found]]:
    """Yield place and position of every key and string value of a document that has been parsed before."""
    stack: list[_Open] = []
    for token in _TOKEN.finditer(text):
        mark, inner = token[0], stack[-1] if stack else None
        if mark in "{[":
            stack.append(_Open(inner.next if inner else "", 0 if mark == "[" else None))
        elif mark in "}]":
            stack.pop()
        elif mark == "," and inner:
            inner.key = None
            inner.index = None if inner.index is None else inner.index + 1
        elif mark[0] == '"':
            decoded = json.loads(mark)
            if inner and inner.index is None and inner.key is None:
                inner.key = f"{inner.place}/{_escaped(decoded)}"
            yield inner.next if inner else "", _Found(decoded, token.start() + 1)


# YAML ------------------------------------------------------------------------------------------------------------


def _yaml_root(text: str) -> yaml.Node | None:
    try:
        import yaml
    except ImportError:
        yaml = None
    if yaml is None:
        raise MissingExtraError("yaml")
    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _yaml_tree(text: str, name: str) -> Any:
    fault = ""
    try:
        return _yaml_value(_yaml_root(text), set())
    except MissingExtraError:
        raise
    except RecursionError:
        fault = f"{name}: nested too deeply"
    except Exception as error:  # noqa: BLE001 - YAML errors quote the file; keep the position only
        mark = getattr(error, "problem_mark", None)
        fault = f"{name}:{mark.line + 1}:{mark.column + 1}: not YAML" if mark else f"{name}: not YAML"
    raise UnreadableError(fault)


def _yaml_value(node: yaml.Node | None, seen: set[int]) -> Any:
    """Build the tree of strings; what an alias repeats is checked once, where its anchor stands."""
    if node is None or id(node) in seen:
        return None
    seen.add(id(node))
    if node.id == "mapping":
        return {str(key.value): _yaml_value(value, seen) for key, value in node.value}
    if node.id == "sequence":
        return [_yaml_value(item, seen) for item in node.value]
    return node.value


def _yaml_strings(root: yaml.Node | None) -> Iterator[tuple[str, _Found]]:
    stack: list[tuple[yaml.Node | None, str]] = [(root, "")]
    seen = set[int]()
    while stack:
        node, place = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if node.id == "mapping":
            inner = [(value, key, f"{place}/{_escaped(str(key.value))}") for key, value in node.value]
            yield from ((key_place, _yaml_found(key)) for _, key, key_place in inner)
            stack.extend((value, value_place) for value, _, value_place in reversed(inner))
        elif node.id == "sequence":
            stack.extend((item, f"{place}/{number}") for number, item in reversed(list(enumerate(node.value))))
        else:
            yield place, _yaml_found(node)


def _yaml_found(node: yaml.Node) -> _Found:
    """Count the column from the end, since an anchor or a tag may stand in front of the text."""
    text, begin, end = str(node.value), node.start_mark, node.end_mark
    quoted = getattr(node, "style", None) in {"'", '"'}
    column = end.column - len(text) - quoted
    if begin.line != end.line or column < begin.column:
        column = begin.column + quoted
    return _Found(text, Spot(begin.line + 1, column + 1))
