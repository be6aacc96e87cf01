"""``secretref run -- COMMAND``: a command gets values, and everybody who reads its output does not."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from secretref.cli._console import note

if TYPE_CHECKING:
    from collections.abc import Mapping

commands = typer.Typer()


class Mode(StrEnum):
    """How much of the output may be held back."""

    line = "line"
    eager = "eager"


@commands.command(context_settings={"allow_interspersed_args": False})
def run(  # noqa: PLR0917 - typer reads them by name
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND [ARG]...", help="The command; there is no shell.")
    ],
    provider: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar="SECRETREF_PROVIDER", help="Where the values are, such as env://?prefix=SECRET_"
        ),
    ],
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="[VARIABLE=]NAME", help="Put a value into the command's environment; may be repeated."),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(metavar="VARIABLE=NAME", help="Put the path of a file in memory that holds a value there."),
    ] = None,
    hide: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Hide a value the command has anyway.")] = None,
    all_names_in: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Hide all that a definition refers to, or all names a file lists."),
    ] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Give the command a terminal of its own.")] = False,
    mode: Annotated[
        Mode | None, typer.Option(help="line: whole lines, also decoded; eager: at once (default with --pty).")
    ] = None,
) -> None:
    """Run a command with values in its environment, and hide them in all it prints.

    Standard output and error stay what they are, byte for byte, but for the values. Signals go on to the command. Its
    exit code is returned: 128 + n if signal n ended it, 126 if it cannot be run, 127 if it is not found.
    """
    from secretref._policy import Policy
    from secretref._process import forbid_dumps
    from secretref._processes import run as run_process
    from secretref._resolver import Resolver
    from secretref.cli._files import read_names
    from secretref.providers import load

    variables, files = _named(env, bare=True), _named(file, bare=False)
    hidden = frozenset(hide or ()).union(*(read_names(one, definitions=True) for one in all_names_in or ()))
    names = hidden.union(variables.values(), files.values())
    if not names:
        raise typer.BadParameter("no names: use --env, --file, --hide or --all-names-in")
    forbid_dumps()
    resolver = Resolver(load(provider), policy=Policy.allow_all())  # who may use the provider may read it
    resolved = resolver.declare(names, subject="app:secretref-run")
    if weak := resolved.redactor.weak:
        note(f"too short or too common to be hidden everywhere: {', '.join(sorted(weak))}")
    values = resolved.reveal()
    code = run_process(
        command,
        resolved.redactor,
        env={variable: values[name] for variable, name in variables.items()},
        files={variable: values[name].encode() for variable, name in files.items()},
        terminal=pty,
        mode=(mode or (Mode.eager if pty else Mode.line)).value,
    )
    sys.exit(code)


def _named(given: list[str] | None, *, bare: bool) -> Mapping[str, str]:
    """Read ``VARIABLE=NAME``, or where that will do a ``NAME`` that is both."""
    found: dict[str, str] = {}
    for one in given or ():
        variable, equals, name = one.partition("=")
        if not variable or not (name if equals else bare):
            raise typer.BadParameter("VARIABLE=NAME is expected")
        found[variable] = name if equals else variable
    return found
