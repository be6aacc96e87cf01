"""Run commands as users do: arguments, standard streams, exit code."""

import io
import sys
from typing import NamedTuple

import pytest

from secretref import cli as command_line


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(monkeypatch, capfdbinary):
    """Run a command in this process, through the same ``main`` as the installed script."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["secretref", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        with pytest.raises(SystemExit) as left:
            command_line.main()
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Run(left.value.code, out.decode(), err.decode())

    return run
