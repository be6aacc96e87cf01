"""``secretref store``, ``secrets``, ``grant``, ``revoke`` and ``app``: the encrypted store without a server."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, note, print_json, styled
from secretref.cli.serve import default_store
from secretref.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from secretref.store import Entry, GrantRecord, Key, Store, StoreInfo

commands = typer.Typer()
_store = typer.Typer(no_args_is_help=True, help="Make, check and look after the encrypted store.")
_secrets = typer.Typer(no_args_is_help=True, help="Put, look up and delete secrets in the store; values are not shown.")
_app = typer.Typer(no_args_is_help=True, help="Applications, which sign in to the service with access keys.")
commands.add_typer(_store, name="store")
commands.add_typer(_secrets, name="secrets")
commands.add_typer(_app, name="app")

StoreAt = Annotated[
    str | None,
    typer.Option(
        envvar="SECRETREF_STORE",
        help="Store: a file, or postgresql://…",
        show_default="secretref/secretref.db in the user's data directory",
    ),
]
KeyAt = Annotated[
    str | None,
    typer.Option(
        envvar="SECRETREF_STORE_KEY",
        help="Where its key is: file:PATH, env:NAME, keyring:SERVICE/NAME, or prompt for a passphrase.",
        show_default="the file STORE.key",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a secret: A-Z a-z 0-9 _ -")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Anchor = Annotated[
    str | None, typer.Option(metavar="NUMBER:MAC", help="End of the audit trail as an earlier verify printed it.")
]
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@contextmanager
def _opened(at: str | None, key: str | None, **options: Any) -> Iterator[Store]:
    """Open the store for the time of a command; lines of the trail name the user of the system."""
    from secretref._process import forbid_dumps
    from secretref.store import open_store

    forbid_dumps()
    with open_store(at or default_store(), key=_key(key), actor=_actor(), **options) as store:
        yield store


def _actor() -> str:
    import getpass

    return f"cli:{getpass.getuser()}"


def _key(text: str | None, prompt: str = "Passphrase") -> Key | str | None:
    from secretref.store import PassphraseKey

    return PassphraseKey(_asked(prompt)) if text == "prompt" else text


def _asked(prompt: str, *, confirm: bool = False) -> SecretStr:
    from pydantic import SecretStr

    return SecretStr(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


# --- the store ----------------------------------------------------------------------------------------------------


@_store.command()
def init(store: StoreAt = None, key: KeyAt = None) -> None:
    """Make a store with its key, or tell what is there."""
    with _opened(store, key, create=True) as opened:
        _show_info(opened.info())


@_store.command("new-key")
def new_key() -> None:
    """Print a fresh master key, for an environment variable or a key service. Nothing is stored."""
    from secretref.store import new_key as make

    typer.echo(make().get_secret_value())


@_store.command("rotate-key")
def rotate_key(
    store: StoreAt = None,
    key: KeyAt = None,
    new: Annotated[
        str | None,
        typer.Option("--new-key", help="Where the new key is, as for --key; a key in a file or keyring is replaced."),
    ] = None,
) -> None:
    """Seal everything under a new key; the old one opens nothing afterwards.

    All or nothing: if the command is interrupted, run it again.
    """
    from secretref.store import key_from

    with _opened(store, key) as opened:
        chosen = _key(new, "New passphrase")
        _show_info(opened.rotate_key(key_from(chosen) if isinstance(chosen, str) else chosen))


@_store.command()
def backup(
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Write a consistent copy while the store is in use. It is sealed under the same key, which it does not hold."""
    with _opened(store, key) as opened:
        opened.backup(path)
    note(f"{path}: keep the key elsewhere, and as long")


@_store.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A backup.")],
    key: Annotated[str, typer.Option(envvar="SECRETREF_STORE_KEY", help="The key of the backup's time, as elsewhere.")],
    store: StoreAt = None,
) -> None:
    """Make a store from a backup, where none is."""
    from secretref.store import restore as run

    with run(path, store or default_store(), key=_key(key) or key, actor=_actor()) as restored:
        _show_info(restored.info())


@_store.command()
def verify(store: StoreAt = None, key: KeyAt = None, anchor: Anchor = None, as_json: Json = False) -> None:
    """Open every seal and follow the audit trail from its first line.

    Exit code: 0 intact, 1 not.
    """
    with _opened(store, key, check=False) as opened:
        found = opened.verify(anchor=anchor)
    if as_json:
        print_json(
            {
                "lines": found.lines,
                "records": found.records,
                "versions": found.versions,
                "anchor": found.anchor,
                "problems": list(found.problems),
            }
        )
    else:
        for problem in found.problems:
            console().print(styled(problem, "red"))
        typer.echo(f"{found.versions} values, {found.records} records, {found.lines} audit lines")
        typer.echo(f"anchor: {found.anchor}")
    raise typer.Exit(FINDINGS if found.problems else OK)


def _show_info(info: StoreInfo) -> None:
    typer.echo(f"store: {printable(info.url)}\nid: {info.store_id}\nengine: {info.engine}, journal {info.journal}")
    typer.echo(f"key: {info.key_id} ({info.key_kind}), sealed {info.seals} times")


# --- secrets ------------------------------------------------------------------------------------------------------


@_secrets.command()
def put(  # noqa: PLR0917 - one for each option
    name: Name,
    tag: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Tag; replaces those there are.")] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="TIME", help="From when on it counts as absent: 90s, 15m, 12h, 30d.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Keep a line feed at the end of standard input.")] = False,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Keep a value under a name, as its next version.

    The value is asked for on a terminal, and else read from standard input, less one line feed at its end.
    """
    tags = None if tag is None else _tags(tag)
    ends = None if expires_in is None else time.time() + _seconds(expires_in)
    with _opened(store, key) as opened:
        entry = opened.put(name, _value(exact=exact), tags=tags, expires_at=ends)
    typer.echo(f"{entry.name}: version {entry.version}")


def _value(*, exact: bool) -> SecretStr:
    from pydantic import SecretStr

    from secretref.errors import InputError

    if sys.stdin.isatty():
        return _asked("Value", confirm=True)
    data = sys.stdin.buffer.read()
    if not exact:
        data = data.removesuffix(b"\n").removesuffix(b"\r")
    text = data.decode("utf-8", "replace")
    if text.encode() != data:
        raise InputError("standard input is not UTF-8")
    return SecretStr(text)


def _tags(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if not all(key and sign for key, sign, _ in pairs):
        raise typer.BadParameter("a tag is KEY=VALUE")
    return {key: value for key, _, value in pairs}


def _seconds(text: str) -> float:
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal():
        raise typer.BadParameter("a time is a number with s, m, h or d")
    return int(number) * _UNITS[unit]


@_secrets.command()
def exists(name: Name, store: StoreAt = None, key: KeyAt = None) -> None:
    """Say whether a name has a value.

    Exit code: 0 it has, 1 it has not.
    """
    with _opened(store, key) as opened:
        found = opened.exists(name)
    typer.echo("true" if found else "false")
    raise typer.Exit(OK if found else FINDINGS)


@_secrets.command("list")
def list_(store: StoreAt = None, key: KeyAt = None, as_json: Json = False) -> None:
    """List names with version, tags and times; never values."""
    with _opened(store, key) as opened:
        entries = opened.entries()
    if as_json:
        print_json([_told(entry) for entry in entries.values()])
        return
    for entry in entries.values():
        ended = entry.expires_at is not None and entry.expires_at <= time.time()
        words = [f"version {entry.version}", _moment(entry.updated_at), *_pairs(entry.tags), *(["expired"] * ended)]
        console().print(styled(entry.name, "bold"), styled("  ".join(words), "dim"))


def _told(entry: Entry) -> dict[str, object]:
    times = {"created": entry.created_at, "updated": entry.updated_at, "expires": entry.expires_at}
    return {
        "name": entry.name,
        "version": entry.version,
        "tags": dict(entry.tags),
        **{word: None if at is None else _moment(at) for word, at in times.items()},
        "updated_by": entry.updated_by,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _pairs(tags: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(tags.items())]


@_secrets.command()
def delete(name: Name, yes: Yes = False, store: StoreAt = None, key: KeyAt = None) -> None:
    """Delete a name with all its versions.

    Exit code: 0 deleted, 1 there was none.
    """
    if not yes:
        typer.confirm(f"Delete {printable(name)} and all its versions?", abort=True, err=True)
    with _opened(store, key) as opened:
        there = opened.delete(name)
    typer.echo("deleted" if there else "no such secret")
    raise typer.Exit(OK if there else FINDINGS)


@_secrets.command()
def tag(
    name: Name,
    tags: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Tags to set.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Tag to remove.")] = None,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Set and remove tags; print those there are then."""
    change: dict[str, str | None] = {**dict.fromkeys(remove or ()), **_tags(tags or [])}
    with _opened(store, key) as opened:
        entry = opened.tag(name, change)
    for pair in _pairs(entry.tags):
        console().print(styled(pair, ""))


@_secrets.command()
def versions(name: Name, store: StoreAt = None, key: KeyAt = None) -> None:
    """List the versions that are kept, newest first.

    Exit code: 0 there are some, 1 there are none.
    """
    with _opened(store, key) as opened:
        found = opened.versions(name)
    for one in found:
        console().print(styled(f"{one.version}  {_moment(one.created_at)}  {one.created_by}", ""))
    raise typer.Exit(OK if found else FINDINGS)


@_secrets.command()
def rollback(
    name: Name,
    version: Annotated[int, typer.Argument(help="Version whose value becomes the current one, as a new version.")],
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Make an earlier value the current one."""
    with _opened(store, key) as opened:
        entry = opened.rollback(name, version)
    typer.echo(f"{entry.name}: version {entry.version}")


# --- access -------------------------------------------------------------------------------------------------------

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
    with _opened(store, key) as opened, opened.transaction():
        held = [opened.grants.add(record, actor=_actor()) for record in records]
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
    with _opened(store, key) as opened, opened.transaction():
        left = [opened.grants.remove(record, actor=_actor()) for record in records]
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


@_app.command()
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

    now, by = time.time(), _actor()
    roles = frozenset(one.upper() for one in role or ())
    made = Application(app_id or str(uuid.uuid4()), name, by, now, by, now, roles)
    with _opened(store, key) as opened, opened.transaction():
        if opened.applications.get(made.id) is not None:
            raise InputError("an application of that id exists")
        opened.applications.put(made.id, made, actor=by)
        access_key, secret = opened.access_keys.issue(made.id, actor=by)
    typer.echo(f"id: {printable(made.id)}\nkey id: {access_key.id}\nkey secret: {secret.get_secret_value()}")
