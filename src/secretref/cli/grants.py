"""``secretref grant``, ``revoke``, ``app`` and ``audit``: who may read what in the store, and who did what."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretref.cli._console import Json, console, print_json, styled
from secretref.cli._opened import KeyAt, StoreAt, actor, moment, opened_store
from secretref.errors import printable

if TYPE_CHECKING:
    from secretref.store import GrantRecord

commands = typer.Typer()
_apps = typer.Typer(no_args_is_help=True, help="Applications, which sign in to the service with access keys.")
commands.add_typer(_apps, name="app")

Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="app:ID, user:ID, role:ID or group:ID.")]
Targets = Annotated[list[str], typer.Argument(metavar="TARGET...", help="Names of secrets, or tag:KEY:VALUE.")]
Access = Annotated[
    list[str] | None,
    typer.Option(help="CREATE, READ, UPDATE, DELETE or EXECUTE; may be repeated.", show_default="READ"),
]


@commands.command()
def grant(
    subject: Subject,
    targets: Targets,
    access: Access = None,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Let a subject do something with secrets; READ lets workflows use them."""
    records = _records(subject, targets, access or ["READ"])
    with opened_store(store, key) as opened, opened.transaction():
        held = [opened.grants.add(record, actor=actor()) for record in records]
    _show_grants(held)


@commands.command()
def revoke(
    subject: Subject,
    targets: Targets,
    access: Access = None,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Take permissions away; it counts from the next read, in every process."""
    records = _records(subject, targets, access or ["READ"])
    with opened_store(store, key) as opened, opened.transaction():
        left = [opened.grants.remove(record, actor=actor()) for record in records]
    _show_grants([record for record in left if record is not None])


def _records(subject: str, targets: list[str], access: list[str]) -> list[GrantRecord]:
    """Check all with the rules for grants; here a target is one name exactly, without ``*``."""
    from secretref._grant import Grant
    from secretref.errors import PolicyError
    from secretref.providers import is_name
    from secretref.store import GrantRecord

    grants = [Grant(subject, target, access) for target in targets]
    for number, one in enumerate(grants):
        if one.target.type == "SECRET_NAME" and not is_name(one.target.id):
            raise PolicyError("a secret is granted by its exact name", place=f"target/{number}")
    return [GrantRecord(one.subject.type, one.subject.id, one.target.type, one.target.id, one.access) for one in grants]


def _show_grants(held: list[GrantRecord]) -> None:
    for record in held:
        words = (record.subject_type, record.subject_id, record.target_type, record.target_id, *sorted(record.access))
        console().print(styled(" ".join(words), ""))


@_apps.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    role: Annotated[list[str] | None, typer.Option(help="Role, such as WORKER or ADMIN; may be repeated.")] = None,
    app_id: Annotated[str | None, typer.Option("--id", help="Its id; random if not given.")] = None,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Make an application with an access key, whose secret is printed this once."""
    import uuid

    from secretref.errors import InputError
    from secretref.store import Application

    now, by = time.time(), actor()
    roles = frozenset(one.upper() for one in role or ())
    made = Application(app_id or str(uuid.uuid4()), name, by, now, by, now, roles)
    with opened_store(store, key) as opened, opened.transaction():
        if opened.applications.get(made.id) is not None:
            raise InputError("an application of that id exists")
        opened.applications.put(made.id, made, actor=by)
        access_key, secret = opened.access_keys.issue(made.id, actor=by)
    typer.echo(f"id: {printable(made.id)}\nkey id: {access_key.id}\nkey secret: {secret.get_secret_value()}")


@commands.command()
def audit(  # noqa: PLR0917 - one for each option
    by: Annotated[str, typer.Option("--actor", help="Only what this actor did.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, or a whole kind as 'grant.*'.")] = "",
    target: Annotated[str, typer.Option(help="Only what concerns this name or id.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Lines at most, the newest.")] = 100,
    store: StoreAt = None,
    key: KeyAt = None,
    as_json: Json = False,
) -> None:
    """Show who did what, newest first."""
    with opened_store(store, key) as opened:
        lines = opened.audit.lines(actor=by, action=action, target=target, limit=limit)
    if as_json:
        print_json(
            [
                {
                    "seq": line.seq,
                    "at": moment(line.at),
                    "actor": line.actor,
                    "action": line.action,
                    "target": line.target,
                    "outcome": line.outcome,
                    "details": dict(line.details),
                }
                for line in lines
            ]
        )
        return
    for line in lines:
        said = [f"{name} {text}" for name, text in sorted(line.details.items())]
        words = f"{line.seq}  {moment(line.at)}  {line.actor or 'nobody'}  {line.action} {line.target}"
        console().print(styled("  ".join([words, line.outcome, *said]), ""))
