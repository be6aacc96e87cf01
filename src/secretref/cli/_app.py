"""The application: command families, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from secretref._edge import EDGE, UNUSABLE
from secretref.errors import SecretRefError

# One module a family. Each holds ``commands``, a Typer whose commands are added here by their own names.
FAMILIES = ("check", "access", "redact", "run", "demo", "doctor", "serve", "store")

app = typer.Typer(
    name="secretref",
    help="Secret references in workflow definitions: check them, and keep values out of everything written.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # pretty tracebacks can show locals; `run` prints places only
    rich_markup_mode=None,  # help texts hold brackets that are no markup
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _family in FAMILIES:
    app.add_typer(import_module(f"secretref.cli.{_family}").commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"secretref {version('secretref-workflow')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def run() -> None:
    """Run a command; turn every error into one silent line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an odd file name must not end the run
    try:
        app()
    except SecretRefError as error:
        code = EDGE.get(error.code, EDGE["error"]).exit_code
        message = f"secretref: {error}"
    except BrokenPipeError:  # the reader left; point stdout elsewhere, or the interpreter complains when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNUSABLE)
    except Exception as error:  # noqa: BLE001 - a foreign error's text may hold anything: show its class and our places
        code = UNUSABLE
        message = f"{_places(error)}secretref: internal error: {type(error).__name__}"
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


def _places(error: Exception) -> str:
    own = str(Path(__file__).parents[1])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(own)]
    return "".join(traceback.format_list(frames))
