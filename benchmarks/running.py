"""Setting up, registering while running, short lines and streams (P8, P11, P12)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import median
from time import process_time
from typing import Any, Final, Literal

from benchmarks import corpus
from benchmarks.measure import Report, Side, ratio, seconds
from benchmarks.text import Case
from secretref import Redactor

__all__ = ["lines", "registering", "setting_up", "streams"]

_CHUNK: Final = 8 * 1024
_MEGA: Final = 1_000_000


def setting_up(report: Report, *, large: bool) -> None:
    """Time a redactor for new values, its first use included, and read the memory it takes (P8)."""
    report.title("P8  A redactor for new values, first use included")
    line = _short_lines()[0]
    volume = corpus.text(_MEGA, "none", {}).raw
    Redactor(corpus.secrets(100, seed=1), views="off").text(volume)  # loads the engine
    for count, text, bound in ((1, line, 0.3), (3, line, 1.0), (100, volume, 60.0), (1_000, volume, 600.0)):
        taken = _first_use(count, text, "off", rounds=max(3, 30 // count))
        report.at_most("P8", f"{count:,} values, first text {len(text):,} B", taken * 1e3, bound, unit="ms")
    for count in (1, 3, 100):
        taken = _first_use(count, line, "strict", rounds=max(3, 30 // count))
        report.note(f"{count} values, first line of {len(line)} B, views strict: {taken * 1e3:.2f} ms")
    for count in (1, 100, 1_000, 10_000) if large else (1, 100, 1_000):
        for views in ("off", "strict"):
            found = footprint(str(count), views)
            what, memory = f"{count:,} values, views {views}", found["bytes"] / _MEGA
            if count in (100, 1_000) and views == "off":
                note = f"set up in {found['seconds'] * 1e3:,.0f} ms"
                report.at_most("P8", f"peak memory, {what}", memory, 25 if count == 100 else 60, unit="MB", note=note)
            else:
                report.note(f"peak memory, {what}: {memory:.1f} MB, set up in {found['seconds'] * 1e3:,.0f} ms")


def footprint(*arguments: str) -> dict[str, Any]:
    """Run ``benchmarks.footprint`` in a process of its own and take its figures."""
    command = [sys.executable, "-m", "benchmarks.footprint", *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=900).stdout)
    return found


def _first_use(count: int, text: str, views: Literal["off", "strict"], *, rounds: int) -> float:
    taken = []
    for seed in range(rounds):
        values = corpus.secrets(count, seed=1_000 + seed)
        start = process_time()
        Redactor(values, views=views).text(text)
        taken.append(process_time() - start)
    return median(taken)


def _short_lines() -> list[str]:
    sample = corpus.text(_MEGA // 5, "none", {}).raw.replace("\n", " ")
    return [sample[at : at + 200] for at in range(0, len(sample) - 200, 200)]


def lines(report: Report) -> None:
    """Time single log lines (P11)."""
    report.title("P11  Lines of 200 characters, clean, N = 3")
    values = corpus.secrets(3)
    several = _short_lines()
    for views, bound in (("off", 5.0), ("fast", 25.0), ("strict", 25.0)):
        redactor = Redactor(values, views=views)  # type: ignore[arg-type]
        assert all(redactor.text(line) is line for line in several)
        taken = seconds(lambda redactor=redactor: [redactor.text(line) for line in several])  # type: ignore[misc]
        report.at_most("P11", f"a line, views {views}", taken / len(several) * 1e6, bound, unit="us")


def streams(report: Report, cases: dict[int, Case], size: int) -> None:
    """Compare streams with the whole text at once, and with Airflow's wrapper, which redacts each write (P11)."""
    report.title("P11  Streams of 8 KB chunks, Tier 1, low")
    for count in (10, 100):
        case = cases[count]
        sample = corpus.text(size, "low", case.values)
        chunks = list(_chunks(sample.raw))
        whole = Side(lambda case=case, sample=sample: case.literal.text(sample.raw))  # type: ignore[misc]
        for mode in ("line", "eager"):
            stream = _streamed(case.literal, chunks, mode)  # type: ignore[arg-type]
            assert stream() == sample.redacted, "the output is not the expected one"
            value, taken, _ = ratio(Side(stream), whole)
            note = f"{size / taken / _MEGA:,.0f} MB/s"
            report.at_least("P11", f"{mode} mode over one shot, N = {count}", value, 0.4, note=note)
        if count == 100:
            few = chunks[: 60_000 // _CHUNK]
            wrapper = Side(lambda case=case, few=few: [case.airflow.redact(chunk) for chunk in few], len(few))  # type: ignore[misc]
            value, _, _ = ratio(Side(_streamed(case.literal, chunks, "line"), len(chunks)), wrapper, pairs=5)
            report.at_least("P11", "line mode over Airflow's wrapper, N = 100", value, 800)


def _chunks(sample: str) -> Iterator[str]:
    return (sample[at : at + _CHUNK] for at in range(0, len(sample), _CHUNK))


def _streamed(redactor: Redactor, chunks: list[str], mode: Literal["line", "eager"]) -> Callable[[], str]:
    def streamed() -> str:
        stream = redactor.stream(mode=mode)
        parts = [stream.feed(chunk) for chunk in chunks]
        return "".join([*parts, str(stream.close())])

    return streamed


def registering(report: Report) -> None:
    """Compare a thousand values one at a time, each followed by a redaction, with all at once (P12)."""
    report.title("P12  Registering 1,000 values")
    values, line = corpus.secrets(1_000, seed=21), _short_lines()[0]

    def at_once() -> float:
        start = process_time()
        redactor = Redactor(values, views="off")
        for _ in values:
            redactor.text(line)
        return process_time() - start

    def one_by_one() -> float:
        start = process_time()
        redactor = Redactor(views="off")
        for name, value in values.items():
            redactor.register(name, value)
            redactor.text(line)
        return process_time() - start

    taken = [(one_by_one(), at_once()) for _ in range(3)]
    note = f"{median(slow for slow, _ in taken) * 1e3:,.0f} ms against {median(quick for _, quick in taken) * 1e3:,.0f} ms"
    value = median(slow / quick for slow, quick in taken)
    report.at_most("P12", "one by one over at once, 1,000 lines redacted in both", value, 3, note=note)
