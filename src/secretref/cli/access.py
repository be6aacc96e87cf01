"""``secretref preflight`` and ``secretref explain``: may it read, and will it find, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretref._edge import EDGE, FINDINGS, OK
from secretref.cli._console import Json, console, print_json, styled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretref._preflight import Preflight

commands = typer.Typer()
PolicyFile = Annotated[Path, typer.Option("--policy", metavar="FILE", help="Grants, in JSON or TOML.")]


class _Unasked:
    """Stands for a provider that nobody named: it cannot tell what exists."""

    name = "nobody"

    def fetch(self, names: frozenset[str]) -> dict[str, Any]:
        """Refuse: nothing here needs a value."""
        from secretref.errors import ProviderError

        raise ProviderError(self.name, kind="not to be asked", names=names)


@commands.command()
def preflight(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Definitions, as for check.")],
    subject: Annotated[
        str, typer.Option(metavar="SUBJECT", help="Who would run them: app:ID, user:ID, role:ID or group:ID.")
    ],
    policy: PolicyFile,
    provider: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="SECRETREF_PROVIDER", help="Who would be asked; only which names it has."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what would stop a run: malformed, denied and missing names. No value is fetched.

    Exit code: 0 nothing, 1 something, 2 wrong usage, an unreadable file, or a provider that could not be asked.
    """
    from secretref._policy import Policy
    from secretref._resolver import Resolver
    from secretref.cli._files import read_source
    from secretref.providers import load

    definitions = {name: read_source(name).tree for name in files}
    resolver = Resolver(load(provider) if provider else _Unasked(), policy=Policy.load(policy))
    found = resolver.preflight(definitions, subject)
    if as_json:
        print_json(_told(found))
    else:
        _show(found)
    raise typer.Exit(EDGE[found.failure.code].exit_code if found.failure else OK if found.ok else FINDINGS)


@commands.command()
def explain(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="app:ID, user:ID, role:ID or group:ID.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a secret, whether or not it exists.")],
    policy: PolicyFile,
    access: Annotated[str, typer.Option(help="CREATE, READ, UPDATE, DELETE or EXECUTE.")] = "READ",
    as_json: Json = False,
) -> None:
    """Say whether a subject may read a secret, and why.

    Exit code: 0 it may, 1 it may not.
    """
    from secretref._policy import Policy

    found = Policy.load(policy).explain(subject, name, access=access.upper())
    if as_json:
        grants = [grant.to_json() for grant in found.grants]
        print_json({"allowed": found.allowed, "reason": found.reason, "grants": grants})
    else:
        console().print(styled(found.reason, "green" if found.allowed else "red"))
    raise typer.Exit(OK if found.allowed else FINDINGS)


def _show(found: Preflight) -> None:
    screen = console()
    for file, error in found.malformed.items():
        screen.print(styled(file, "bold"), styled(str(error), "red"))
    rows: list[tuple[str, str, Iterable[object]]] = [
        ("denied", "red", sorted(found.denied)),
        ("missing", "red", sorted(found.missing)),
        ("not checked", "yellow", sorted(found.unchecked)),
        ("unused grants", "yellow", found.unused),
    ]
    for title, style, members in rows:
        for member in members:
            screen.print(styled(f"{title:14}", "bold"), styled(str(member), style))
    if found.failure:
        screen.print(styled("not asked     ", "bold"), styled(str(found.failure), "red"))
    verdict = "nothing would stop a run" if found.ok else "a run would fail"
    screen.print(styled(f"{len(found.names)} names: {verdict}", "bold green" if found.ok else "bold red"))


def _told(found: Preflight) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "names": sorted(found.names),
        "denied": sorted(found.denied),
        "missing": sorted(found.missing),
        "unchecked": sorted(found.unchecked),
        "unused": [grant.to_json() for grant in found.unused],
        "failure": None if found.failure is None else str(found.failure),
        "malformed": {file: str(error) for file, error in found.malformed.items()},
    }
