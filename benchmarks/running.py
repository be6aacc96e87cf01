"""Setting up, registering while running, short lines and streams (P8, P11, P12)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import process_time
from typing import Final, get_args

from benchmarks import corpus
from benchmarks.measure import Report, Side, ratio, seconds
from benchmarks.text import Case, expect
from secretref import Redactor
from secretref._redactor import Views
from secretref._stream import Mode

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
    for count in (26, 263):  # as many forms as 100 and 1,000 secrets have with nine each
        report.note(
            f"{count} values, first text {len(volume):,} B: {_first_use(count, volume, 'off', rounds=5) * 1e3:.1f} ms"
        )
    for count in (1, 3, 100):
        taken = _first_use(count, line, "strict", rounds=max(3, 30 // count))
        report.note(f"{count} values, first line of {len(line)} B, views strict: {taken * 1e3:.2f} ms")
    for count in (1, 100, 1_000, 10_000) if large else (1, 100, 1_000):
        for views in ("off", "fast", "strict") if count < 1_000 else ("off", "fast"):
            found = footprint(str(count), views)
            what, memory = f"{count:,} values, views {views}", found["bytes"] / _MEGA
            if count in (100, 1_000) and views == "off":
                note = f"set up in {found['seconds'] * 1e3:,.0f} ms"
                report.at_most("P8", f"peak memory, {what}", memory, 25 if count == 100 else 60, unit="MB", note=note)
            else:
                report.note(f"peak memory, {what}: {memory:.1f} MB, set up in {found['seconds'] * 1e3:,.0f} ms")


def footprint(*arguments: str) -> dict[str, float]:
    """Run ``benchmarks.footprint`` in a process of its own and take its figures."""
    command = [sys.executable, "-m", "benchmarks.footprint", *arguments]
    done = subprocess.run(command, capture_output=True, check=True, timeout=900)  # noqa: S603 - this interpreter
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _first_use(count: int, text: str, views: Views, *, rounds: int) -> float:
    taken: list[float] = []
    while len(taken) < rounds and sum(taken) < 2:
        values = corpus.secrets(count, seed=1_000 + len(taken))
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
    bounds: dict[Views, float] = {"off": 5.0, "fast": 25.0, "strict": 25.0}
    for views, bound in bounds.items():
        redactor = Redactor(values, views=views)
        expect([redactor.text(line) is line for line in several], [True] * len(several))
        taken = seconds(partial(_each, redactor.text, several))
        report.at_most("P11", f"a line, views {views}", taken / len(several) * 1e6, bound, unit="us")


def _each(call: Callable[[str], object], several: list[str]) -> None:
    for piece in several:
        call(piece)


def streams(report: Report, cases: dict[int, Case], size: int) -> None:
    """Compare streams with the whole text at once, and with Airflow's wrapper, which redacts each write (P11)."""
    report.title("P11  Streams of 8 KB chunks, Tier 1, low")
    for count in (10, 100):
        case = cases[count]
        sample = corpus.text(size, "low", case.values)
        chunks = list(_chunks(sample.raw))
        whole = Side(partial(case.literal.text, sample.raw))
        for mode in get_args(Mode):
            stream = _streamed(case.literal, chunks, mode)
            expect(stream(), sample.redacted)
            value, taken, _ = ratio(Side(stream), whole)
            note = f"{size / taken / _MEGA:,.0f} MB/s"
            report.at_least("P11", f"{mode} mode over one shot, N = {count}", value, 0.4, note=note)
        if count == 100:
            few = chunks[: 60_000 // _CHUNK]
            wrapper = Side(partial(_each, case.airflow.redact, few), len(few))
            value, _, _ = ratio(Side(_streamed(case.literal, chunks, "line"), len(chunks)), wrapper, pairs=5)
            report.at_least("P11", "line mode over Airflow's wrapper, N = 100", value, 800)


def _chunks(sample: str) -> Iterator[str]:
    return (sample[at : at + _CHUNK] for at in range(0, len(sample), _CHUNK))


def _streamed(redactor: Redactor, chunks: list[str], mode: Mode) -> Callable[[], str]:
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

    taken = [(one_by_one(), at_once())]
    while len(taken) < 5 and sum(map(sum, taken)) < 3:
        taken.append((one_by_one(), at_once()))
    note = (
        f"{median(slow for slow, _ in taken) * 1e3:,.0f} ms against {median(quick for _, quick in taken) * 1e3:,.0f} ms"
    )
    value = median(slow / quick for slow, quick in taken)
    report.at_most("P12", "one by one over at once, 1,000 lines redacted in both", value, 3, note=note)
