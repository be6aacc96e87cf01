"""The application: command families, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, TextIO

import typer

from secretref._edge import EDGE, OK, UNUSABLE
from secretref.cli._console import BROKEN_PIPE
from secretref.errors import SecretRefError, printable

# One module a family. Each holds ``commands``, a Typer whose commands are added here by their own names.
FAMILIES = ("check", "access", "redact", "run", "demo", "doctor", "serve", "store", "secrets", "grants")

# In the place of a closed stream: what cannot be read, cannot be written, or swallows all.
_STREAMS = (("stdin", os.O_WRONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))

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
    output = _standing_in()
    code, message = _outcome()
    left = sys.stdout is not output  # typer puts something else there when the reader has left, and says 1
    try:
        output.flush()
    except OSError as error:
        left = left or isinstance(error, BrokenPipeError)
        code, message = UNUSABLE, "" if left else str(error.strerror)
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())  # or the interpreter tries again, and complains
    if message:
        sys.stderr.write(f"secretref: {message}\n")
    sys.exit(BROKEN_PIPE if left else code)


def _standing_in() -> TextIO:
    """Put something in the place of closed streams, or files would get their numbers; return standard output."""
    for name, flags, mode in _STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an odd file name must not end the run
    return sys.stdout


def _outcome() -> tuple[str | int | None, str]:
    """Run the application; return its exit code and what is to be said on standard error."""
    try:
        app()
    except SystemExit as ended:
        return ended.code, ""
    except BrokenPipeError:
        return BROKEN_PIPE, ""
    except SecretRefError as error:
        return EDGE.get(error.code, EDGE["error"]).exit_code, printable(str(error))
    except OSError as error:
        where = f"{printable(str(error.filename))}: " if error.filename else ""
        return UNUSABLE, f"{where}{error.strerror or type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - a foreign error's text may hold anything: show its class and our places
        sys.stderr.write(_places(error))
        return UNUSABLE, f"internal error: {type(error).__name__}"
    return OK, ""


def _places(error: Exception) -> str:
    own = str(Path(__file__).parents[1])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(own)]
    return "".join(traceback.format_list(frames))
