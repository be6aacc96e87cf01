"""Conductor: its expressions over run-time data, as ``Resolver.resolve(…, data=ConductorData(document))``.

``ConductorData`` follows Conductor's ``ParametersUtils`` for everything that is no secret
(``${workflow.input.x}``, ``${task_ref.output.y[0]}``):

1. ``${…}`` inside an expression is evaluated first, innermost first, and its text becomes part of the path.
2. What remains is a JSONPath; the leading ``$.`` may be left out.
3. A path that names one place yields the value there with its type, or ``None`` where nothing stands;
   a path with a wildcard, slice, filter or ``..`` yields a list.

A value is returned, never evaluated: a datum that holds ``${…}`` is that text. The document has no secrets
in it. Unlike Conductor, neither the environment of the process nor its properties can be reached.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from secretref._template import Template
from secretref.errors import LimitError, MissingExtraError

try:
    from jsonpath import JSONPathEnvironment, JSONPathError
except ImportError:
    raise MissingExtraError("conductor") from None

if TYPE_CHECKING:
    from jsonpath import JSONPath

__all__ = ["ConductorData", "java_text"]

_MAX_EXPRESSION = 4_096  # characters; longer ones name nothing
_CLEVER = re.compile(r"[?(*]|\.\.")  # a datum may name a place; a filter or a search comes from the definition only
_STEP = re.compile(
    r"""
      (?P<descent> \.\. (?=[^.]) )
    | \.? (?P<bracket> \[ (?: [^\[\]'"] | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | \[ [^\[\]]* \] )+ \] )
    | \.? (?P<star> \* )
    | \. (?P<function> [a-z]+ ) \( \) \Z
    | \.? (?P<name> [^.\[\]\s'"()*]+ )
    """,
    re.VERBOSE,
)
_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "length": len,
    "size": len,
    "first": lambda items: items[0],
    "last": lambda items: items[-1],
    "min": min,
    "max": max,
    "sum": lambda items: float(sum(items)),
    "avg": lambda items: sum(items) / len(items),
}
_paths = JSONPathEnvironment()


class ConductorData:
    """Evaluate Conductor's expressions against one workflow's document.

    Args:
        document: ``workflow`` with ``input``, ``output``, ``variables`` and so on, and one entry per task reference.
        environment: Environment variables of the server, ``NAME`` → text, for ``${workflow.env.NAME}``.
        java: A template in whose longer strings objects, lists and numbers stand as Java shows them
            (``{a=1, b=[1, 2]}``), as Conductor does; without, they stand as compact JSON. An expression that is also
            the whole of a string somewhere in it keeps its type, and stands as JSON elsewhere.
    """

    def __init__(
        self, document: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, java: Template | None = None
    ) -> None:
        self._document = document
        self._environment = environment or {}
        self._java = _only_embedded(java) if java else frozenset[str]()

    def __repr__(self) -> str:
        return f"ConductorData({len(self._document)} entries)"

    def __call__(self, expression: str) -> Any:
        """Return what *expression*, the text between ``${`` and its ``}``, stands for.

        A blank expression is the empty text. What is missing, out of range or malformed is ``None``.

        Raises:
            LimitError: A datum is nested too deeply to be shown as Java does.
        """
        value = self._value(expression)
        if expression not in self._java:
            return value
        try:
            return java_text(value)
        except RecursionError:
            pass
        raise LimitError("levels in a datum", sys.getrecursionlimit())

    def _value(self, expression: str) -> Any:
        if len(expression) > _MAX_EXPRESSION:
            return None
        open_paths = [""]
        for part in re.split(r"(\$\{|\})", expression):
            if part == "${":
                open_paths.append("")
            elif part == "}" and len(open_paths) > 1:
                inner = self._look_up(open_paths.pop())
                if not isinstance(inner, str | int | float) or _CLEVER.search(str(inner)):
                    return None
                open_paths[-1] += java_text(inner)
            else:
                open_paths[-1] += part
        return self._look_up(open_paths[0]) if len(open_paths) == 1 else None

    def _look_up(self, expression: str) -> Any:
        path = expression.strip()
        if not path:
            return ""
        if path.startswith("workflow.env."):
            return self._variable(path.removeprefix("workflow.env."))
        return _query(path, self._document)

    def _variable(self, path: str) -> Any:
        name, dot, rest = path.partition(".")
        text = self._environment.get(name)
        if text is None or not dot:
            return text
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return _query(rest, parsed)


def _query(path: str, document: Any) -> Any:
    steps, function = _steps(path)
    if steps is None:
        return None
    try:
        query = cast("JSONPath", _paths.compile(steps))  # steps are quoted, so never a union of two paths
        found = query.findall(document)
    except (JSONPathError, ValueError, RecursionError):
        return None
    one = query.singular_query()
    value = (found[0] if found else None) if one else found
    return _applied(function, value) if function else value


def _steps(path: str) -> tuple[str | None, str]:
    """Write *path* in the strict form of the JSONPath library, and take off a trailing ``.length()``."""
    rest = path if path[0] in "$[" else f".{path}"
    written = ["$"]
    position = 1 if rest[0] == "$" else 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None:
            return None, ""
        position = step.end()
        kind, text = str(step.lastgroup), step[str(step.lastgroup)]
        if kind == "function":
            return "".join(written), text
        written.append({"descent": "..", "bracket": text, "star": "[*]", "name": f"[{json.dumps(text)}]"}[kind])
    return "".join(written), ""


def _applied(function: str, value: Any) -> Any:
    apply = _FUNCTIONS.get(function)
    if apply is None or not isinstance(value, list):
        return None
    try:
        return apply(value)
    except (IndexError, TypeError, ValueError, ZeroDivisionError):
        return None


def _only_embedded(template: Template) -> frozenset[str]:
    """Return the expressions that stand in longer strings only."""
    leaves = [leaf for _, leaf in template.leaves() if leaf.is_whole]
    whole = {item.expression for leaf in leaves for item in leaf.items}
    return frozenset(expression.text[2:-1] for expression in template.embedded - whole)


def java_text(value: Any) -> str:
    """Return *value* as Java's ``toString`` shows it: ``{a=1, b={c=x}}``, ``[1, 2, 3]``, ``true``, ``null``."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return _java_double(value) if isinstance(value, float) else json.dumps(value, default=str)


def _java_double(number: float) -> str:
    if not math.isfinite(number):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)]
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return format(Decimal(repr(number)), "f")
    sign, digits, _ = Decimal(repr(number)).normalize().as_tuple()
    exponent = Decimal(repr(number)).adjusted()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{exponent}"
