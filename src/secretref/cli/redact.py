"""``secretref redact``: standard input to standard output, values hidden on the way."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from secretref.cli._console import note

if TYPE_CHECKING:
    from io import BufferedReader

    from secretref._redactor import Redactor

commands = typer.Typer()
CHUNK = 64 * 1024  # bytes
INTERRUPTED = 130


class Mode(StrEnum):
    """How much of the input may be held back."""

    line = "line"
    eager = "eager"


@commands.command()
def redact(
    provider: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar="SECRETREF_PROVIDER", help="Where the values are, such as env://?prefix=SECRET_"
        ),
    ],
    name: Annotated[list[str] | None, typer.Option(help="Name of a secret to hide; may be repeated.")] = None,
    all_names_in: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Hide all that a definition refers to, or all names a file lists."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="line: whole lines, also decoded; eager: bytes at once, literal forms.")
    ] = Mode.line,
) -> None:
    """Copy standard input to standard output with every value hidden.

    Values come from the provider; they are never given or shown on the command line. A name without a value
    stops the command before it reads anything.
    """
    from secretref.cli._files import read_names

    names = frozenset(name or ()).union(*(read_names(file, definitions=True) for file in all_names_in or ()))
    if not names:
        raise typer.BadParameter("no names: use --name NAME or --all-names-in FILE")
    redactor = _redactor(provider, names)
    if redactor.weak:
        note(f"too short or too common to be hidden everywhere: {', '.join(sorted(redactor.weak))}")
    _pump(redactor, mode)


def _redactor(url: str, names: frozenset[str]) -> Redactor:
    """Fetch the values of all *names*, or raise."""
    from secretref._process import forbid_dumps
    from secretref._redactor import Redactor
    from secretref.errors import SecretNotFoundError
    from secretref.providers import load
    from secretref.providers._ask import ask, name_of

    forbid_dumps()
    provider = load(url)
    values = ask(provider, names)
    if missing := names - values.keys():
        raise SecretNotFoundError(missing, provider=name_of(provider))
    return Redactor(values)


def _pump(redactor: Redactor, mode: Mode) -> None:
    """Feed what arrives as soon as it arrives; what is held back when the input is cut is judged as cut."""
    stream, target = redactor.stream(mode=mode.value), sys.stdout.buffer
    source, cut = cast("BufferedReader", sys.stdin.buffer), False
    stream.feed(b"")  # bytes it is, even if nothing comes
    try:
        while chunk := source.read1(CHUNK):
            target.write(stream.feed(chunk))
            target.flush()
    except KeyboardInterrupt:
        cut = True
    target.write(cast("bytes", stream.close(truncated=cut)))
    target.flush()
    if cut:
        sys.exit(INTERRUPTED)
