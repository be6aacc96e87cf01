"""What commands print with: text is data, never markup; colour only where a terminal wants it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretref.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["BROKEN_PIPE", "Json", "console", "note", "print_json", "styled"]

BROKEN_PIPE = 141  # what shells report of a program whose reader left

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def console(**options: Any) -> Console:
    """Return a console that shows brackets as they stand and colours nothing by guess."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise SystemExit(BROKEN_PIPE)

    return Screen(markup=False, highlight=False, emoji=False, soft_wrap=options.pop("soft_wrap", True), **options)


def styled(text: str, style: str) -> Text:
    """Return *text* in one style, made harmless: the texts of a definition may be anybody's."""
    from rich.text import Text

    return Text(printable(text), style=style)


def print_json(document: object) -> None:
    """Print *document* as JSON."""
    sys.stdout.write(json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n")


def note(text: str) -> None:
    """Print a remark on stderr."""
    sys.stderr.write(f"secretref: {printable(text)}\n")
