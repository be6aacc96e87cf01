"""The command line. This file runs without the extra ``cli``, to say how to get it."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    if find_spec("typer") is None or find_spec("rich") is None:
        sys.stderr.write("secretref: the command line is an extra: pip install 'secretref-workflow[cli]'\n")
        sys.exit(2)
    from secretref.cli._app import run

    run()
