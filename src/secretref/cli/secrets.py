"""``secretref secrets``: put, look up and delete secrets in the store; values are not shown."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, print_json, styled
from secretref.cli._opened import KeyAt, StoreAt, asked, moment, opened_store
from secretref.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from secretref.store import Entry

commands = typer.Typer()
_commands = typer.Typer(
    no_args_is_help=True, help="Put, look up and delete secrets in the store; values are not shown."
)
commands.add_typer(_commands, name="secrets")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a secret: A-Z a-z 0-9 _ -")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@_commands.command()
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
    with opened_store(store, key) as opened:
        entry = opened.put(name, _value(exact=exact), tags=tags, expires_at=ends)
    typer.echo(f"{entry.name}: version {entry.version}")


def _value(*, exact: bool) -> SecretStr:
    from pydantic import SecretStr

    from secretref.errors import InputError

    if sys.stdin.isatty():
        return asked("Value", confirm=True)
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


@_commands.command()
def exists(name: Name, store: StoreAt = None, key: KeyAt = None) -> None:
    """Say whether a name has a value.

    Exit code: 0 it has, 1 it has not.
    """
    with opened_store(store, key) as opened:
        found = opened.exists(name)
    typer.echo("true" if found else "false")
    raise typer.Exit(OK if found else FINDINGS)


@_commands.command("list")
def list_(store: StoreAt = None, key: KeyAt = None, as_json: Json = False) -> None:
    """List names with version, tags and times; never values."""
    with opened_store(store, key) as opened:
        entries = opened.entries()
    if as_json:
        print_json([_told(entry) for entry in entries.values()])
        return
    for entry in entries.values():
        ended = entry.expires_at is not None and entry.expires_at <= time.time()
        words = [f"version {entry.version}", moment(entry.updated_at), *_pairs(entry.tags), *(["expired"] * ended)]
        console().print(styled(entry.name, "bold"), styled("  ".join(words), "dim"))


def _told(entry: Entry) -> dict[str, object]:
    times = {"created": entry.created_at, "updated": entry.updated_at, "expires": entry.expires_at}
    return {
        "name": entry.name,
        "version": entry.version,
        "tags": dict(entry.tags),
        **{word: None if at is None else moment(at) for word, at in times.items()},
        "updated_by": entry.updated_by,
    }


def _pairs(tags: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(tags.items())]


@_commands.command()
def delete(name: Name, yes: Yes = False, store: StoreAt = None, key: KeyAt = None) -> None:
    """Delete a name with all its versions.

    Exit code: 0 deleted, 1 there was none.
    """
    if not yes:
        typer.confirm(f"Delete {printable(name)} and all its versions?", abort=True, err=True)
    with opened_store(store, key) as opened:
        there = opened.delete(name)
    typer.echo("deleted" if there else "no such secret")
    raise typer.Exit(OK if there else FINDINGS)


@_commands.command()
def tag(
    name: Name,
    tags: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Tags to set.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Tag to remove.")] = None,
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Set and remove tags; print those there are then."""
    change: dict[str, str | None] = {**dict.fromkeys(remove or ()), **_tags(tags or [])}
    with opened_store(store, key) as opened:
        entry = opened.tag(name, change)
    for pair in _pairs(entry.tags):
        console().print(styled(pair, ""))


@_commands.command()
def versions(name: Name, store: StoreAt = None, key: KeyAt = None) -> None:
    """List the versions that are kept, newest first.

    Exit code: 0 there are some, 1 there are none.
    """
    with opened_store(store, key) as opened:
        found = opened.versions(name)
    for one in found:
        console().print(styled(f"{one.version}  {moment(one.created_at)}  {one.created_by}", ""))
    raise typer.Exit(OK if found else FINDINGS)


@_commands.command()
def rollback(
    name: Name,
    version: Annotated[int, typer.Argument(help="Version whose value becomes the current one, as a new version.")],
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Make an earlier value the current one."""
    with opened_store(store, key) as opened:
        entry = opened.rollback(name, version)
    typer.echo(f"{entry.name}: version {entry.version}")
