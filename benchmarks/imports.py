"""Import and start-up, in fresh interpreters (P16): ``python -m benchmarks.imports``."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.measure import Report

__all__ = ["run"]

_ROUNDS: Final = 9
_COMPILE: Final = "from secretref import Template; Template.compile({'a': '${workflow.secrets.name}'})"
_BASE_MODEL: Final = "from pydantic import BaseModel"


def _spent(*arguments: str) -> float:
    """CPU seconds of one interpreter from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=60)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(report: Report) -> None:
    """Compare what our imports take with those of the libraries they need."""
    report.title("P16  Import and start-up, CPU time over a bare interpreter")
    script = str(Path(sys.executable).with_name("secretref"))
    programs = {
        "bare": ("-c", ""),
        "secretref": ("-c", "import secretref"),
        "names": ("-c", "from secretref import Redactor, Resolver, Template"),
        "pydantic": ("-c", _BASE_MODEL),
        "lark": ("-c", "import lark"),
        "compile": ("-c", _COMPILE),
        "resolver": ("-c", "from secretref import Template"),
        "help": (script, "--help"),
    }
    best = dict.fromkeys(programs, float("inf"))
    for _ in range(_ROUNDS):  # interleaved; the least of a few, since a start can only be disturbed upwards
        for name, arguments in programs.items():
            best[name] = min(best[name], _spent(*arguments))
    over = {name: (taken - best["bare"]) * 1e3 for name, taken in best.items()}
    allowed = over["pydantic"] + 25
    report.at_most("P16", "import secretref", over["secretref"], allowed, unit="ms", note="pydantic's BaseModel + 25")
    report.at_most("P16", "from secretref import Redactor, Resolver, Template", over["names"], allowed, unit="ms")
    first = (over["compile"] - over["resolver"]) / over["lark"]
    note = f"{over['compile'] - over['resolver']:.0f} ms after the import, lark {over['lark']:.0f} ms"
    report.at_most("P16", "first compile over import lark", first, 1.3, note=note)
    report.at_most("P16", "secretref --help, from start to end", best["help"] * 1e3, 400, unit="ms")


if __name__ == "__main__":
    outcome = Report()
    run(outcome)
    outcome.close()
