"""``secretref check`` and ``secretref refs``: what definition files say, before anything runs."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretref._edge import FINDINGS, OK, UNUSABLE
from secretref.cli._console import Json, console, note, print_json, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretref._template import SecretRef
    from secretref.cli._files import Source
    from secretref.cli._report import Finding

commands = typer.Typer()
Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Definitions in JSON, or YAML with the extra `yaml`; - is stdin.")
]


class Format(StrEnum):
    """How ``check`` prints."""

    text = "text"
    json = "json"
    sarif = "sarif"


@commands.command()
def check(
    files: Files,
    known: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Names that exist: a file, or a list with commas. Others are findings."),
    ] = None,
    literals: Annotated[
        bool | None,
        typer.Option(
            "--literals/--no-literals", help="Look for literal credentials (extra `detect`). Default: when installed."
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.text,
    as_json: Json = False,
) -> None:
    """Find every malformed reference, unknown name and literal credential in definition files.

    Exit code: 0 clean, 1 findings, 2 wrong usage or an unreadable file.
    """
    from secretref.cli import _report
    from secretref.cli._files import UnreadableError, read_names, read_source
    from secretref.errors import InputError, LimitError

    names = None if known is None else read_names(known, definitions=False)
    look = find_spec("detect_secrets") is not None if literals is None else literals
    remarks = (
        []
        if look or literals is False
        else ["literal credentials were not looked for: pip install 'secretref-workflow[detect]'"]
    )
    findings, unreadable, count = list[_report.Finding](), list[str](), 0
    for name in files:
        try:
            source = read_source(name)
            references, faults = _compiled(source)
        except (UnreadableError, InputError, LimitError) as error:
            unreadable.append(str(error) if isinstance(error, UnreadableError) else f"{name}: {error}")
            continue
        count += len(references)
        findings += [*faults, *_unknown(source, references, names), *(_literals(source) if look else ())]
    report = _report.Report(len(files), count, sorted(findings, key=_order), unreadable, remarks)
    show = {Format.text: _report.show_text, Format.json: _report.show_json, Format.sarif: _report.show_sarif}
    show[Format.json if as_json else form](report)
    raise typer.Exit(UNUSABLE if unreadable else FINDINGS if findings else OK)


@commands.command()
def refs(
    files: Files,
    names: Annotated[bool, typer.Option("--names", help="Print each name once, and nothing else.")] = False,
    as_json: Json = False,
) -> None:
    """List the secret references of definition files: which name, where."""
    from secretref._template import Template
    from secretref.cli._files import read_source
    from secretref.cli._report import count

    found = [
        (source, reference)
        for source in map(read_source, files)
        for reference in Template.compile(source.tree).references
    ]
    unique = sorted({reference.name for _, reference in found})
    if names:
        print_json(unique) if as_json else typer.echo("".join(f"{name}\n" for name in unique), nl=False)
    elif as_json:
        print_json([_described(source, reference) for source, reference in found])
    else:
        screen = console()
        for source, reference in found:
            row = _described(source, reference)
            path = f" {row['path']}" if row["path"] else ""
            screen.print(
                styled(f"{row['file']}:{row['line']}:{row['column']}", "bold"),
                styled(reference.name + path, "yellow"),
                styled(reference.place or "/", ""),
            )
        note(f"{count(len(found), 'reference')} to {count(len(unique), 'secret')}")


def _compiled(source: Source) -> tuple[tuple[SecretRef, ...], list[Finding]]:
    """Return the references of a definition, or none and its faults."""
    from secretref._template import Template
    from secretref.errors import TemplateSyntaxError

    try:
        return Template.compile(source.tree).references, []
    except TemplateSyntaxError as error:
        return (), [_finding(source, f.reason, f.place, f.span, f.expected, subject=f.reference) for f in error.faults]


def _unknown(source: Source, references: tuple[SecretRef, ...], known: frozenset[str] | None) -> Iterator[Finding]:
    for reference in references if known is not None else ():
        if known is not None and reference.name not in known:
            near = get_close_matches(reference.name, known, n=1)
            fix = (
                f"no such secret; did you mean {near[0]}?" if near else "no such secret; create it, or correct the name"
            )
            yield _finding(
                source, "unknown-name", reference.place, reference.span, fix, subject=reference.name, text="$"
            )


def _literals(source: Source) -> Iterator[Finding]:
    from secretref.cli._literals import credentials

    for place, span, kind in credentials(source.values()):
        fix = f"looks like a credential ({kind}); keep it as a secret and write ${{workflow.secrets.NAME}}"
        yield _finding(source, "literal-credential", place, span, fix)


def _finding(
    source: Source,
    rule: str,
    place: str,
    span: tuple[int, int],
    fix: str,
    *,
    subject: str = "",
    text: str | None = None,
) -> Finding:
    from secretref.cli._report import Finding

    line, column = source.spot(place, span, subject if text is None else text)
    return Finding(rule, source.name, line, column, place, span, subject, fix)


def _order(finding: Finding) -> tuple[str, int, int]:
    return finding.file, finding.line, finding.column


def _described(source: Source, reference: SecretRef) -> dict[str, Any]:
    line, column = source.spot(reference.place, reference.span, "$")
    path = list(reference.path)
    return {
        "name": reference.name,
        "path": path,
        "file": source.name,
        "line": line,
        "column": column,
        "place": reference.place,
        "span": reference.span,
    }
