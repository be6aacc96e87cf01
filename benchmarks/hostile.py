"""Text that is meant to be slow (P7)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial
from math import inf
from statistics import median
from time import process_time
from types import FrameType
from typing import Final

from benchmarks import corpus
from benchmarks.measure import Report, Side, ratio
from benchmarks.text import Case
from secretref import Redactor

__all__ = ["hostile"]

_MEGA: Final = 1_000_000
_LIMIT: Final = 20.0
"""Seconds on the clock after which one call is given up; a timer of CPU time would coarsen its clock."""

_PATIENCE: Final = 3.0
"""CPU seconds the large text may take; if it would take more, a tenth of both sizes is measured."""


def hostile(report: Report, case: Case) -> None:
    """Compare hostile text with clean text, and ten times as much of it with itself."""
    signal.signal(signal.SIGALRM, _stop)
    report.title(f"P7  Hostile text, N = {case.count}: 10 MB against 1 MB")
    clean = corpus.text(_MEGA, "none", case.values).raw
    for redactor in (case.literal, case.fast, case.strict):
        assert redactor.text(clean) is clean
    for kind in corpus.HOSTILE:
        _literal(report, case, kind, clean)
    for views, redactor in (("fast", case.fast), ("strict", case.strict)):
        for kind in corpus.HOSTILE:
            _decoded(report, case, kind, views, redactor)


def _literal(report: Report, case: Case, kind: str, clean: str) -> None:
    """Tier 1: at most forty times as slow as on clean text, and linear."""
    small, large = (corpus.hostile(kind, size, case.values) for size in (_MEGA, 10 * _MEGA))
    _none_left(case, case.literal.text(small))
    ours = Side(partial(case.literal.text, small))
    value, taken, _ = ratio(ours, Side(partial(case.literal.text, clean)), pairs=3)
    report.at_least("P7", f"Tier 1, {kind}, over clean text", value, 1 / 40, note=f"{1 / taken:,.0f} MB/s")
    growth, _, _ = ratio(ours, Side(partial(case.literal.text, large)), pairs=3)
    report.at_most("P7", f"Tier 1, {kind}, 10 MB over 1 MB", growth, 11)


def _decoded(report: Report, case: Case, kind: str, views: str, redactor: Redactor) -> None:
    """Tier 2: never below 5 MB/s, and linear."""
    sizes = [_MEGA // 10, _MEGA]
    small, large = (corpus.hostile(kind, size, case.values) for size in sizes)
    first = _seconds(redactor.text, small, rounds=3)
    if first == inf:
        report.at_least("P7", f"{views}, {kind}", 0, 5, unit="MB/s", note=f"0.1 MB took more than {_LIMIT:g} s")
        return
    taken = _seconds(redactor.text, large, rounds=1)
    if 10 * taken < _PATIENCE:
        sizes = [10 * size for size in sizes]
        small, large = large, corpus.hostile(kind, sizes[1], case.values)
        first, taken = min(taken, _seconds(redactor.text, small, rounds=2)), _seconds(redactor.text, large, rounds=1)
    if first < _PATIENCE:
        _none_left(case, redactor.text(small))
    spans = f"{sizes[1] / _MEGA:g} MB over {sizes[0] / _MEGA:g} MB"
    report.at_least("P7", f"{views}, {kind}", sizes[1] / taken / _MEGA, 5, unit="MB/s")
    report.at_most("P7", f"{views}, {kind}, {spans}", taken / first, 11)


def _seconds(call: Callable[[str], object], sample: str, *, rounds: int) -> float:
    """CPU seconds of one call, the median of a few; infinite when it takes too long."""
    taken = []
    for _ in range(rounds):
        start = process_time()
        signal.setitimer(signal.ITIMER_REAL, _LIMIT)
        try:
            call(sample)
        except _TooLong:
            return inf
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        taken.append(process_time() - start)
    return median(taken)


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
