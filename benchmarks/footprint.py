"""Peak memory in a process of its own: ``python -m benchmarks.footprint COUNT VIEWS`` or ``stream MEGABYTES``."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from time import process_time
from typing import Final

from benchmarks import corpus
from benchmarks.text import expect
from secretref import Redactor
from secretref._redactor import Views

__all__: list[str] = []

_MEGA: Final = 1_000_000
_LINE: Final = "10.0.0.1 - - [10/Nov/2026:13:55:36 +0000] GET /orders/17 200 512 curl/8.5.0\n"
"""Repeated, so that making the text leaves no memory behind that could be used again unseen."""


def _status(field: str) -> int:
    """Bytes of a field of the process's status, as Linux keeps it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def _set_up(count: int, views: Views) -> dict[str, float]:
    values, text = corpus.secrets(count), _LINE * (_MEGA // len(_LINE))
    Redactor(corpus.secrets(1, seed=1), views=views).text(text)  # loads the engine
    gc.collect()
    before, start = _status("VmRSS"), process_time()
    redactor = Redactor(values, views=views)
    redactor.text(text)
    return {"seconds": process_time() - start, "bytes": _status("VmHWM") - before}


def _stream(megabytes: int) -> dict[str, float]:
    """Feed one stream and read how much the process grew meanwhile."""
    values = corpus.secrets(100)
    sample = corpus.text(_MEGA, "low", values)
    stream = Redactor(values, views="off").stream()
    chunks = [sample.raw[at : at + 8192] for at in range(0, len(sample.raw), 8192)]
    out = sum(len(stream.feed(chunk)) for chunk in chunks)
    before, start = _status("VmHWM"), process_time()
    for _ in range(megabytes - 1):
        out += sum(len(stream.feed(chunk)) for chunk in chunks)
    out += len(stream.close())
    expect(out, megabytes * len(sample.redacted))
    return {"seconds": process_time() - start, "bytes": _status("VmHWM") - before}


if __name__ == "__main__":
    first, second = sys.argv[1:]
    print(json.dumps(_stream(int(second)) if first == "stream" else _set_up(int(first), second)))  # type: ignore[arg-type]
