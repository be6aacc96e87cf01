"""Redaction beside its peers, every goal in one run: ``python -m benchmarks.redaction --help``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from time import process_time
from typing import Final

from benchmarks import hostile, records, running, text
from benchmarks.measure import Report

__all__ = ["SECTIONS", "run"]

_MEGA: Final = 1_000_000


def _text(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    text.text(report, cases, options.size * _MEGA)


def _peers(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    text.beside_peers(report, cases, options.size * _MEGA)


def _decoded(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    text.decoded(report, cases, options.size * _MEGA)


def _memory(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    text.unicode(report, cases[10], options.size * _MEGA)
    text.scaling(report, cases, options.size * _MEGA, text.Case(10_000) if options.large else cases[1_000])


def _hostile(report: Report, _options: Namespace, cases: dict[int, text.Case]) -> None:
    hostile.hostile(report, cases[100])


def _records(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    records.records(report, cases, options.records)


def _running(report: Report, options: Namespace, cases: dict[int, text.Case]) -> None:
    running.setting_up(report, large=options.large)
    running.lines(report)
    running.streams(report, cases, options.size * _MEGA)
    running.registering(report)
    if options.stream:
        found = running.footprint("stream", str(options.stream))
        rate = options.stream / found["seconds"]
        report.title("A long stream")
        report.note(
            f"{options.stream:,} MB in 8 KB chunks at {rate:,.0f} MB/s; grew by {found['bytes'] / _MEGA:.1f} MB"
        )


SECTIONS: Final[dict[str, Callable[[Report, Namespace, dict[int, text.Case]], None]]] = {
    "text": _text,
    "peers": _peers,
    "decoded": _decoded,
    "memory": _memory,
    "hostile": _hostile,
    "records": _records,
    "running": _running,
}


def run(report: Report, arguments: list[str] | None = None) -> None:
    """Measure the sections that are asked for, all of them by default."""
    parser = ArgumentParser(prog="python -m benchmarks.redaction", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--size", type=int, default=4, help="megabytes of text; the goals are set for 64")
    parser.add_argument("--records", type=int, default=200, help="execution records; the goals are set for 20,000")
    parser.add_argument("--large", action="store_true", help="10,000 secrets as well: minutes and gigabytes")
    parser.add_argument("--stream", type=int, default=0, metavar="MB", help="feed one stream that much, as 1,024")
    options = parser.parse_args(arguments)
    unknown = set(options.section) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    cases = {count: text.Case(count) for count in text.COUNTS}
    for name in options.section or SECTIONS:
        start = process_time()
        SECTIONS[name](report, options, cases)
        report.note(f"({name}: {process_time() - start:.0f} s)")


if __name__ == "__main__":
    outcome = Report()
    run(outcome)
    outcome.close()
