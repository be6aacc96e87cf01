"""Long text: Tier 1 over the bare engine, over the peers and over memory; Tier 2 over Tier 1 (P1 to P6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from benchmarks import corpus, peers
from benchmarks.measure import Report, Side, ratio, seconds
from secretref import Redactor

__all__ = ["COUNTS", "Case", "beside_peers", "decoded", "expect", "scaling", "text", "unicode"]

COUNTS: Final = (1, 10, 100, 1_000)
MEGA: Final = 1_000_000
_BLOCK: Final = 64 * 1024
_MEMORY: Final = 64 * MEGA
"""Bytes that no cache of the processor holds."""

_SLICE: Final = {1: 400_000, 10: 200_000, 100: 60_000, 1_000: 20_000}
"""Characters a regular expression gets, which is slower by orders of magnitude; rates are compared."""

_CLEAN_TIER: Final = {"none": 0.75, "low": 0.40, "high": 0.35}
_OVER_AIRFLOW: Final = {
    "none": {1: 12.0, 10: 150.0, 100: 4_000.0, 1_000: 50_000.0},
    "low": {1: 5.0, 10: 70.0, 100: 2_500.0, 1_000: 40_000.0},
    "high": {1: 2.0, 10: 20.0, 100: 900.0, 1_000: 12_000.0},
}
_STRICT_OVER_AIRFLOW: Final = {1: 0.4, 10: 6.0, 100: 200.0, 1_000: 4_000.0}


@dataclass(frozen=True)
class Case:
    """A number of secrets and what hides them; each part is built once, on first use."""

    count: int

    @cached_property
    def values(self) -> dict[str, str]:
        return corpus.secrets(self.count)

    @cached_property
    def literal(self) -> Redactor:
        return Redactor(self.values, views="off")

    @cached_property
    def fast(self) -> Redactor:
        return Redactor(self.values, views="fast")

    @cached_property
    def strict(self) -> Redactor:
        return Redactor(self.values, views="strict")

    @cached_property
    def bare(self) -> peers.BareEngine:
        return peers.BareEngine(self.values.values())

    @cached_property
    def airflow(self) -> Any:
        return peers.airflow(self.values.values())


def expect(actual: object, expected: object) -> None:
    """Stop when an output is wrong: what is wrong needs no timing."""
    if actual != expected:
        raise AssertionError("the output is not the expected one")


def text(report: Report, cases: dict[int, Case], size: int) -> None:
    """Compare Tier 1 with the bare engine's scan of the same bytes (P1)."""
    report.title("P1  Tier 1 over the bare engine's scan of the same bytes")
    for count, case in cases.items():
        for density, bound in _CLEAN_TIER.items():
            sample = corpus.text(size, density, case.values)
            data = sample.raw.encode()
            expect(case.literal.text(sample.raw), sample.redacted)
            expect(case.literal.bytes(data), sample.redacted.encode())
            bare = Side(partial(case.bare.scan, data))
            kinds: dict[str, Callable[[], object]] = {
                "bytes": partial(case.literal.bytes, data),
                "str": partial(case.literal.text, sample.raw),
            }
            for kind, call in kinds.items():
                value, ours, theirs = ratio(Side(call), bare)
                rates = f"{_rate(size, ours)}, engine {_rate(size, theirs)}"
                report.at_least("P1", f"{kind}, N = {count:,}, {density}", value, bound, note=rates)


def _rate(size: int, taken: float) -> str:
    rate = size / taken / MEGA
    return f"{rate:,.0f} MB/s" if rate >= 10 else f"{rate:.3g} MB/s"


def beside_peers(report: Report, cases: dict[int, Case], size: int) -> None:
    """Compare Tier 1 with Airflow's masker, a regular expression and ``str.replace`` (P2)."""
    report.title("P2  Tier 1 over Airflow's masker; the peers look for 9 spellings of a secret, we for about 35")
    for count, case in cases.items():
        values = case.values.values()
        others = {
            "Airflow": case.airflow.redact,
            "re": peers.alternation(values),
            "str.replace": peers.replacing(values),
        }
        for density, bounds in _OVER_AIRFLOW.items():
            sample = corpus.text(size, density, case.values)
            short = corpus.text(_SLICE[count], density, case.values)
            expect(case.literal.text(sample.raw), sample.redacted)
            ours = Side(partial(case.literal.text, sample.raw), len(sample.raw))
            for name, redact in others.items():
                expect(redact(short.raw), short.redacted)
                other = Side(partial(redact, short.raw), len(short.raw))
                value, mine, theirs = ratio(ours, other, pairs=5)
                if name == "Airflow":
                    rates = f"{_rate(size, mine)}, Airflow {_rate(len(short.raw), theirs)}"
                    report.at_least("P2", f"N = {count:,}, {density}", value, bounds[count], note=rates)
                else:
                    report.note(
                        f"over {name}, N = {count:,}, {density}: {value:,.1f} x ({_rate(len(short.raw), theirs)})"
                    )


def decoded(report: Report, cases: dict[int, Case], size: int) -> None:
    """Compare ``text()`` with decoded views with Airflow, which has none, and with Tier 1 (P3)."""
    report.title("P3  Decoded views, clean blocks of 64 KB")
    for count, case in cases.items():
        sample = corpus.text(max(size // 4, 4 * _BLOCK), "none", case.values).raw
        blocks = list(_blocks(sample))
        short = corpus.text(_SLICE[count], "none", case.values).raw
        sides = {
            views: Side(partial(_all_clean, redactor, blocks), len(sample))
            for views, redactor in (("off", case.literal), ("fast", case.fast), ("strict", case.strict))
        }
        airflow = Side(partial(case.airflow.redact, short), len(short))
        value, mine, _ = ratio(sides["strict"], airflow, pairs=5)
        rate = _rate(len(sample), mine)
        report.at_least("P3", f"strict over Airflow, N = {count:,}", value, _STRICT_OVER_AIRFLOW[count], note=rate)
        value, mine, _ = ratio(sides["fast"], sides["off"])
        report.at_least("P3", f"fast over Tier 1, N = {count:,}", value, 0.5, note=_rate(len(sample), mine))
    _on_json(report, cases[10], size // 4)


def _on_json(report: Report, case: Case, size: int) -> None:
    """State what the views cost on log text and on JSON text."""
    kinds = {"log text": corpus.text(size, "none", case.values).raw, "JSON text": corpus.json_lines(size)}
    for kind, sample in kinds.items():
        blocks = list(_blocks(sample))
        plain = seconds(partial(_all_clean, case.literal, blocks), rounds=3)
        for views, redactor in (("fast", case.fast), ("strict", case.strict)):
            taken = seconds(partial(_all_clean, redactor, blocks), rounds=3)
            extra = (taken - plain) / size * MEGA * 1_000
            report.note(f"{views} on {kind}, N = 10: {taken / plain:,.1f} x Tier 1's time, {extra:.2f} ms more per MB")


def _blocks(sample: str) -> Iterator[str]:
    return (sample[at : at + _BLOCK] for at in range(0, len(sample), _BLOCK))


def _all_clean(redactor: Redactor, blocks: list[str]) -> None:
    for block in blocks:
        assert redactor.text(block) is block


def unicode(report: Report, case: Case, size: int) -> None:
    """Compare non-ASCII text with what the codecs of the interpreter take for it (P4)."""
    report.title("P4  Non-ASCII str")
    clean = corpus.text(size, "none", case.values, foreign=True)
    expect(case.literal.text(clean.raw), clean.raw)
    ours = Side(partial(case.literal.text, clean.raw))
    value, mine, _ = ratio(ours, Side(partial(clean.raw.encode, "utf-8", "surrogatepass")))
    report.at_least("P4", f"none over str.encode, N = {case.count}", value, 0.6, note=_rate(size, mine))
    for density in ("low", "high"):
        sample = corpus.text(size, density, case.values, foreign=True)
        data = sample.raw.encode()
        expect(case.literal.text(sample.raw), sample.redacted)
        ours = Side(partial(case.literal.text, sample.raw))
        value, mine, _ = ratio(ours, Side(data.decode))
        report.at_least("P4", f"{density} over bytes.decode, N = {case.count}", value, 0.5, note=_rate(size, mine))


def scaling(report: Report, cases: dict[int, Case], size: int, most: Case) -> None:
    """Compare ten secrets with many, and clean text with what memory allows (P5, P6)."""
    report.title("P5, P6  Tier 1 on clean text, against more secrets and against memory")
    data = corpus.text(size, "none", {}).raw.encode()
    ten = Side(partial(cases[10].literal.bytes, data))
    many = Side(partial(most.literal.bytes, data))
    value, _, taken = ratio(ten, many)
    report.at_most("P5", f"N = 10 over N = {most.count:,}", value, 4, note=_rate(size, taken))
    data *= max(1, _MEMORY // len(data))
    ten = Side(partial(cases[10].literal.bytes, data))
    warm = bytearray(len(data))
    whole = slice(None)
    memory: tuple[tuple[str, Callable[[], object], int], ...] = (
        ("memchr", partial(data.find, b"\0"), 15),
        ("warm memcpy", partial(warm.__setitem__, whole, data), 5),
    )
    for name, call, bound in memory:
        value, _, taken = ratio(Side(call), ten)
        report.at_most("P6", f"{name} over N = 10", value, bound, note=_rate(len(data), taken))
