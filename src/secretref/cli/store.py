"""``secretref store``: make, check and look after the encrypted store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, note, print_json, styled
from secretref.cli._opened import KeyAt, StoreAt, actor, key_at, opened_store
from secretref.cli.serve import default_store
from secretref.errors import printable

if TYPE_CHECKING:
    from secretref.store import StoreInfo

commands = typer.Typer()
_commands = typer.Typer(no_args_is_help=True, help="Make, check and look after the encrypted store.")
commands.add_typer(_commands, name="store")

Anchor = Annotated[
    str | None, typer.Option(metavar="NUMBER:MAC", help="End of the audit trail as an earlier verify printed it.")
]


@_commands.command()
def init(store: StoreAt = None, key: KeyAt = None) -> None:
    """Make a store with its key, or tell what is there."""
    with opened_store(store, key, create=True) as opened:
        _show_info(opened.info())


@_commands.command("new-key")
def new_key() -> None:
    """Print a fresh master key, for an environment variable or a key service. Nothing is stored."""
    from secretref.store import new_key as make

    typer.echo(make().get_secret_value())


@_commands.command("rotate-key")
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

    with opened_store(store, key) as opened:
        chosen = key_at(new, "New passphrase")
        _show_info(opened.rotate_key(key_from(chosen) if isinstance(chosen, str) else chosen))


@_commands.command()
def backup(
    path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    store: StoreAt = None,
    key: KeyAt = None,
) -> None:
    """Write a consistent copy while the store is in use. It is sealed under the same key, which it does not hold."""
    with opened_store(store, key) as opened:
        opened.backup(path)
    note(f"{path}: keep the key elsewhere, and as long")


@_commands.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A backup.")],
    key: Annotated[str, typer.Option(envvar="SECRETREF_STORE_KEY", help="The key of the backup's time, as elsewhere.")],
    store: StoreAt = None,
) -> None:
    """Make a store from a backup, where none is."""
    from secretref.store import restore as run

    with run(path, store or default_store(), key=key_at(key) or key, actor=actor()) as restored:
        _show_info(restored.info())


@_commands.command()
def verify(store: StoreAt = None, key: KeyAt = None, anchor: Anchor = None, as_json: Json = False) -> None:
    """Open every seal and follow the audit trail from its first line.

    Exit code: 0 intact, 1 not.
    """
    with opened_store(store, key, check=False) as opened:
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
