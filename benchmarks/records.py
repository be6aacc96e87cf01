"""Nested execution records: beside ``copy.deepcopy`` and Airflow's masker (P9, P10)."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from benchmarks import corpus, peers
from benchmarks.measure import Report, Side, ratio
from benchmarks.text import Case, expect
from secretref import Redactor

__all__ = ["records"]

_FEW: Final = {1: 100, 10: 60, 100: 10}
"""Records that Airflow gets."""

_CLEAN_OVER_AIRFLOW: Final = {1: 15.0, 10: 25.0, 100: 450.0}

Records = list[dict[str, Any]]


def records(report: Report, cases: dict[int, Case], count: int) -> None:
    """Compare clean records and records with a hit."""
    report.title("P9  Clean records of 2 KB")
    clean, _ = corpus.records(count)
    for case in cases.values():  # what is measured is the long run: the engine is there
        case.literal.text(corpus.text(1_000_000, "none", {}).raw)
    copying = Side(lambda: [deepcopy(record) for record in clean])
    ten = cases[10]
    for views, redactor, bound in (("off", ten.literal, 0.3), ("fast", ten.fast, 1.2), ("strict", ten.strict, 1.2)):
        expect([redactor.data(record) is record for record in clean], [True] * count)
        value, _, taken = ratio(copying, _all(redactor, clean))
        note = f"{taken / count * 1e6:.1f} us a record"
        report.at_most("P9", f"views {views} over deepcopy, N = 10", value, bound, note=note)
    for number, bound in _CLEAN_OVER_AIRFLOW.items():
        few = clean[: _FEW[number]]
        value, ours, theirs = ratio(_all(cases[number].literal, few), _each(cases[number].airflow.redact, few))
        note = f"{ours / len(few) * 1e6:.1f} us, Airflow {theirs / len(few) * 1e6:.0f} us"
        report.at_least("P9", f"views off over Airflow, N = {number}", value, bound, note=note)
        plain = peers.airflow(cases[number].values.values(), keys=False)
        value, _, _ = ratio(_all(cases[number].literal, few), _each(plain.redact, few))
        report.note(f"over Airflow that ignores the names of keys, N = {number}: {value:,.1f} x")
    _with_a_hit(report, cases[10], count)


def _with_a_hit(report: Report, case: Case, count: int) -> None:
    report.title("P10  The same records, a value in one leaf of each")
    value = next(iter(case.values.values()))
    hit, expected = corpus.records(count, hit=value)
    copying = Side(lambda: [deepcopy(record) for record in hit])
    for views, redactor in (("off", case.literal), ("fast", case.fast), ("strict", case.strict)):
        expect([redactor.data(record) for record in hit], expected)
        times, _, taken = ratio(copying, _all(redactor, hit))
        note = f"{taken / count * 1e6:.1f} us a record"
        if views == "off":
            report.at_most("P10", f"views {views} over deepcopy, N = 10", times, 1.0, note=note)
        else:
            report.note(f"views {views} over deepcopy, N = 10: {times:.2f} x, {note}")
    few = hit[: _FEW[10]]
    expect([case.airflow.redact(record) for record in few], expected[: len(few)])
    times, _, _ = ratio(_all(case.literal, few), _each(case.airflow.redact, few))
    report.at_least("P10", "views off over Airflow, N = 10", times, 7)


def _all(redactor: Redactor, several: Records) -> Side:
    return _each(redactor.data, several)


def _each(redact: Callable[[Any], object], several: Records) -> Side:
    return Side(lambda: [redact(record) for record in several])
