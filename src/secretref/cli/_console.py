"""What commands print with: text is data, never markup; colour only where a terminal wants it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["Json", "console", "note", "print_json", "printable", "styled"]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def console(**options: Any) -> Console:
    """Return a console that shows brackets as they stand and colours nothing by guess."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=options.pop("soft_wrap", True), **options)


def styled(text: str, style: str) -> Text:
    """Return *text* in one style, control characters shown as escapes so that no line can be forged."""
    from rich.text import Text

    return Text(printable(text), style=style)


def printable(text: str) -> str:
    """Escape what could move the cursor or forge a line."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )


def print_json(document: object) -> None:
    """Print *document* as JSON."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def note(text: str) -> None:
    """Print a remark on stderr."""
    sys.stderr.write(f"secretref: {printable(text)}\n")
