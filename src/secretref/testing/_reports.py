"""Reports of tests: look for values in what a test printed, and take them out of what pytest shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretref._redactor import Redactor
from secretref.testing._leak import find_leaks

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

_MARK = "***"
_RUN = 8  # shorter values would turn up everywhere


def check(report: pytest.TestReport, values: Iterable[str]) -> bool:
    """Fail *report* when output or log captured so far holds one of *values*; tell whether it did."""
    wanted = _long(values)
    leaks = [(name, leak) for name, text in report.sections if wanted for leak in find_leaks(text, *wanted)]
    if not leaks:
        return False
    message = "\n".join(f"a canary leaked in {name}, {leak.form}" for name, leak in leaks)
    report.longrepr = f"{report.longreprtext}\n{message}" if report.failed else message
    report.outcome = "failed"
    return True


def redact(report: pytest.TestReport, values: Iterable[str]) -> None:
    """Hide *values* in all texts of *report*. What cannot be hidden for sure is withheld."""
    wanted = _long(values)
    if not wanted:
        return
    if isinstance(report.longrepr, tuple):  # of a skipped test: where and why
        path, line, reason = report.longrepr
        report.longrepr = path, line, hidden(reason, wanted)
    elif report.longrepr is not None:
        text = report.longreprtext
        shown = hidden(text, wanted)
        report.longrepr = report.longrepr if shown == text else shown
    report.sections = [(name, hidden(text, wanted)) for name, text in report.sections]
    report.user_properties = [(name, hidden(str(value), wanted)) for name, value in report.user_properties]


def hidden(text: str, values: tuple[str, ...]) -> str:
    """Replace *values* in *text*, encoded ones and pieces too: pytest shortens before anybody can redact."""
    if not find_leaks(text, *values):
        return text
    redacted = Redactor({str(number): value for number, value in enumerate(values)}).text(text)
    pieced = _without_pieces(redacted, values)
    return f"{_MARK} withheld: it holds a canary" if find_leaks(pieced, *values) else pieced


def _long(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if len(value) >= _RUN))


def _without_pieces(text: str, values: tuple[str, ...]) -> str:
    """Replace every stretch of *text* that is made of runs of eight characters of a value."""
    covered = bytearray(len(text))
    for value in values:
        for start in range(len(value) - _RUN + 1):
            run = value[start : start + _RUN]
            at = text.find(run)
            while at >= 0:
                covered[at : at + _RUN] = b"\1" * _RUN
                at = text.find(run, at + 1)
    return "".join(
        _MARK if inside and not (index and covered[index - 1]) else "" if inside else character
        for index, (character, inside) in enumerate(zip(text, covered, strict=True))
    )
