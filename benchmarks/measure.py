"""Ratios of CPU time, taken side by side, and a report of goals."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import process_time

__all__ = ["Report", "Side", "ratio", "seconds"]

_SAMPLE = 0.015
"""CPU seconds a sample takes at least: the clock of the process ticks too coarsely for less."""

_BUDGET = 0.8
"""CPU seconds after which no further pair is taken."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        call: What is measured.
        units: How much one call handles, in the unit of the other side: bytes, records, or just 1.
    """

    call: Callable[[], object]
    units: float = 1.0


def _sample(call: Callable[[], object], repeats: int) -> float:
    start = process_time()
    for _ in range(repeats):
        call()
    return process_time() - start


def _repeats(call: Callable[[], object]) -> int:
    """Find how many calls make a sample; the calls on the way warm up what is built on first use."""
    repeats = 1
    while (spent := _sample(call, repeats)) < _SAMPLE:
        repeats = max(2 * repeats, min(round(repeats * _SAMPLE / max(spent, 1e-6)), 100 * repeats))
    return repeats


def ratio(ours: Side, other: Side, *, pairs: int = 7) -> tuple[float, float, float]:
    """Compare two sides, interleaved.

    Returns:
        How many times as fast as *other* we are, as the median of the pairs; the seconds one call of ours takes;
        the seconds one call of *other* takes.
    """
    counts = [_repeats(side.call) for side in (ours, other)]
    gc.collect()
    taken: list[tuple[float, float]] = []
    while len(taken) < pairs and (len(taken) < 1 or sum(map(sum, taken)) < _BUDGET):
        first, second = (_sample(side.call, count) for side, count in zip((ours, other), counts, strict=True))
        taken.append((first, second))
    mine, theirs = ([pair[at] / counts[at] for pair in taken] for at in (0, 1))
    scale = ours.units / other.units
    return (
        median(scale * b / a for a, b in zip(mine, theirs, strict=True)),
        median(mine),
        median(theirs),
    )


def seconds(call: Callable[[], object], *, rounds: int = 5) -> float:
    """CPU seconds of one call, the median of a few samples; for orientation only."""
    repeats = _repeats(call)
    taken: list[float] = []
    while len(taken) < rounds and sum(taken) < _BUDGET:
        taken.append(_sample(call, repeats))
    return median(taken) / repeats


@dataclass(slots=True)
class Report:
    """Print each goal as it is measured.

    Attributes:
        missed: The goals that were not met, as printed.
        met: How many were.
    """

    met: int = 0
    missed: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Begin a section."""
        print(f"\n{text}", flush=True)

    def note(self, text: str) -> None:
        """Print a figure that has no goal."""
        print(f"       {text}", flush=True)

    def at_least(self, goal: str, what: str, value: float, bound: float, *, unit: str = "x", note: str = "") -> None:
        """Print a goal that is met from *bound* upwards."""
        self._row(goal, what, value, f">= {_figure(bound)}", unit=unit, note=note, met=value >= bound)

    def at_most(self, goal: str, what: str, value: float, bound: float, *, unit: str = "x", note: str = "") -> None:
        """Print a goal that is met up to *bound*."""
        self._row(goal, what, value, f"<= {_figure(bound)}", unit=unit, note=note, met=value <= bound)

    def _row(self, goal: str, what: str, value: float, bound: str, *, unit: str, note: str, met: bool) -> None:
        row = (
            f"{goal:<4}  {what:<58} {_figure(value):>9} {unit:<4} {bound:>10}  {'met' if met else 'MISSED':<6}  {note}"
        )
        print(row.rstrip(), flush=True)
        if met:
            self.met += 1
        else:
            self.missed.append(row.rstrip())

    def close(self) -> None:
        """Print the sum and what was missed."""
        print(f"\n{self.met} goals met, {len(self.missed)} missed")
        for row in self.missed:
            print(row)


def _figure(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
