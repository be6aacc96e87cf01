"""Findings of ``check``, and the three ways to show them: text, JSON, SARIF 2.1.0."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from secretref.cli._console import console, print_json, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Finding", "Report", "count", "show_json", "show_sarif", "show_text"]

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to change in a file. It shows a faulty reference or a name, never a literal that may be a value.

    Attributes:
        rule: A stable slug, such as ``unclosed`` or ``literal-credential``.
        file: As given on the command line.
        line: Line in the file, from 1.
        column: Column in characters, from 1.
        place: JSON Pointer in the document.
        span: Half-open range in the decoded string, in characters.
        subject: The reference or name concerned; empty when showing it would show a value.
        fix: What to write instead.
    """

    rule: str
    file: str
    line: int
    column: int
    place: str
    span: tuple[int, int]
    subject: str
    fix: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of ``check`` saw."""

    files: int
    references: int
    findings: Sequence[Finding]
    unreadable: Sequence[str]
    remarks: Sequence[str]


def show_text(report: Report) -> None:
    """Print findings for people: where, what, and how to mend it."""
    screen = console()
    for finding in report.findings:
        where = f"{finding.file}:{finding.line}:{finding.column}"
        screen.print(styled(where, "bold"), styled(finding.rule, "red"), styled(finding.subject, "yellow"))
        screen.print(styled(f"    at {finding.place or '/'}: {finding.fix}", "dim"))
    for line in report.unreadable:
        screen.print(styled(line, "red"))
    for line in report.remarks:
        screen.print(styled(line, "dim"))
    by_rule = ", ".join(f"{count} {rule}" for rule, count in sorted(Counter(f.rule for f in report.findings).items()))
    verdict = f"{count(len(report.findings), 'finding')} ({by_rule})" if report.findings else "no findings"
    verdict += f", {count(len(report.unreadable), 'unreadable file')}" if report.unreadable else ""
    screen.print(styled(f"{count(report.files, 'file')}, {count(report.references, 'reference')}: {verdict}", "bold"))


def show_json(report: Report) -> None:
    """Print the report as one JSON object."""
    print_json(asdict(report))


def show_sarif(report: Report) -> None:
    """Print the report as a SARIF 2.1.0 log with one run."""
    failures = [{"level": "error", "message": {"text": line}} for line in report.unreadable]
    driver = {
        "name": "secretref",
        "version": version("secretref-workflow"),
        "rules": [{"id": rule} for rule in sorted({finding.rule for finding in report.findings})],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not failures, "toolExecutionNotifications": failures}],
        "results": [_result(finding) for finding in report.findings],
    }
    print_json({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(finding: Finding) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(finding.file)}, "region": region},
        "logicalLocations": [{"fullyQualifiedName": finding.place or "/"}],
    }
    text = ": ".join(filter(None, (finding.subject, finding.fix)))
    return {"ruleId": finding.rule, "level": "error", "message": {"text": text}, "locations": [location]}


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def count(number: int, noun: str) -> str:
    """Say how many."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
