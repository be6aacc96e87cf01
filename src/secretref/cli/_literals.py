"""Literals in a definition that look like credentials, judged by detect-secrets (extra ``detect``)."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from secretref.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Literal", "credentials"]

_INNOCENT = ("is_sequential_string", "is_potential_uuid", "is_templated_secret", "is_not_alphanumeric_string")


class Literal(NamedTuple):
    """A string of a definition that looks like a credential: its place and the kind, not its text."""

    place: str
    span: tuple[int, int]
    kind: str


def credentials(strings: Iterable[tuple[str, str]]) -> Iterator[Literal]:
    """Find credentials among *strings*, pairs of place and text; at most one a string.

    Raises:
        MissingExtraError: detect-secrets is not installed.
    """
    plugins, innocent = _detectors()
    for place, text in strings:
        line = f"{json.dumps(place.rpartition('/')[2])}: {json.dumps(text, ensure_ascii=False)}"
        for plugin in plugins:
            values = (found.secret_value for found in plugin.analyze_line(filename=place, line=line, line_number=1))
            value = next((value for value in values if value and not any(test(value) for test in innocent)), None)
            if value:
                begin = max(text.find(value), 0)
                yield Literal(place, (begin, min(begin + len(value), len(text))), plugin.secret_type)
                break


def _detectors() -> tuple[list[Any], list[Callable[[str], bool]]]:
    if find_spec("detect_secrets") is None:
        raise MissingExtraError("detect")
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.filters import heuristic

    kinds: Iterable[Any] = get_mapping_from_secret_type_to_class().values()
    return [kind() for kind in kinds], [getattr(heuristic, name) for name in _INNOCENT]
