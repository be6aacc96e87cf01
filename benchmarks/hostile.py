"""Text that is meant to be slow (P7)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from math import inf
from time import process_time
from types import FrameType
from typing import Final

from benchmarks import corpus
from benchmarks.measure import Report, Side, ratio
from benchmarks.text import Case
from secretref import Redactor

__all__ = ["hostile"]

_MEGA: Final = 1_000_000
_LIMIT: Final = 20
"""Seconds on the clock after which one call is given up; a timer of CPU time would coarsen its clock."""

_PATIENCE: Final = 3.0
"""CPU seconds that 10 MB may take; if they would take more, 1 MB is measured."""


def hostile(report: Report, case: Case) -> None:
    """Compare hostile text with clean text, and ten times as much of it with itself."""
    signal.signal(signal.SIGALRM, _stop)
    report.title(f"P7  Hostile text, N = {case.count}: 10 MB and its tenths")
    clean = corpus.text(_MEGA, "none", case.values).raw
    for redactor in (case.literal, case.fast, case.strict):
        assert redactor.text(clean) is clean
    for kind in corpus.HOSTILE:
        _literal(report, case, kind, clean)
    for views, redactor in (("fast", case.fast), ("strict", case.strict)):
        for kind in corpus.HOSTILE:
            _decoded(report, case, kind, views, redactor)


def _literal(report: Report, case: Case, kind: str, clean: str) -> None:
    """Tier 1: at most forty times as slow as on clean text."""
    sample = corpus.hostile(kind, _MEGA, case.values)
    _none_left(case, case.literal.text(sample))
    ours = Side(partial(case.literal.text, sample))
    value, taken, _ = ratio(ours, Side(partial(case.literal.text, clean)), pairs=3)
    report.at_least("P7", f"Tier 1, {kind}, over clean text", value, 1 / 40, note=f"{1 / taken:,.0f} MB/s")


def _decoded(report: Report, case: Case, kind: str, views: str, redactor: Redactor) -> None:
    """Tier 2: never below 5 MB/s, and linear."""
    size = _MEGA
    part, whole = _growth(redactor, corpus.hostile(kind, size, case.values))
    if part < inf and whole < _PATIENCE / 10:
        size *= 10
        part, whole = _growth(redactor, corpus.hostile(kind, size, case.values))
    if part < _PATIENCE:
        _none_left(case, redactor.text(corpus.hostile(kind, size // 10, case.values)))
    note = f"more than {_LIMIT} s" if inf in (part, whole) else ""
    report.at_least("P7", f"{views}, {kind}", size / whole / _MEGA, 5, unit="MB/s", note=note)
    what = f"{views}, {kind}, {size // _MEGA} MB over a tenth"
    report.at_most("P7", what, inf if inf in (part, whole) else whole / part, 11)


def _growth(redactor: Redactor, sample: str) -> tuple[float, float]:
    """CPU seconds of a tenth of *sample* and of all of it; infinite when it takes too long.

    The tenth is the mean of all tenths, so that neither side is read from a nearer cache.
    """
    size = len(sample) // 10
    tenths = [sample[at : at + size] for at in range(0, len(sample), size)]
    part = 0.0
    for tenth in tenths:
        part += _seconds(partial(redactor.text, tenth)) / len(tenths)
        if part == inf:
            return inf, inf
    return part, _seconds(partial(redactor.text, sample))


def _seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call; infinite when it takes too long."""
    start = process_time()
    signal.alarm(_LIMIT)
    try:
        call()
    except _TooLong:
        return inf
    finally:
        signal.alarm(0)
    return process_time() - start


class _TooLong(BaseException):
    """The limit has passed; no ``Exception``, because a redactor withholds the text at those."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _TooLong


def _none_left(case: Case, redacted: str) -> None:
    """Stop when a planted form is left; what else hostile text becomes is told by the tests."""
    for value in case.values.values():
        for form in corpus.forms(value):
            if form in redacted:
                raise AssertionError("a form is left in the output")
