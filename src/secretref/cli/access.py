"""``secretref preflight`` and ``secretref explain``: may it read, and will it find, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, print_json, styled

commands = typer.Typer()
PolicyFile = Annotated[Path, typer.Option("--policy", metavar="FILE", help="Grants, in JSON or TOML.")]


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
