"""The store that a command works on: where it is, where its key is, and who is at work."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretref.cli.serve import default_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from secretref.store import Key, Store

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


@contextmanager
def opened_store(at: str | None, key: str | None, **options: Any) -> Iterator[Store]:
    """Open the store for the time of a command; lines of the trail name the user of the system."""
    from secretref._process import forbid_dumps
    from secretref.store import open_store

    forbid_dumps()
    with open_store(at or default_store(), key=key_at(key), actor=actor(), **options) as store:
        yield store


def actor() -> str:
    """Return who is named in audit lines."""
    import getpass

    return f"cli:{getpass.getuser()}"


def key_at(text: str | None, prompt: str = "Passphrase") -> Key | str | None:
    """Return the key, or where it is; a passphrase is asked for."""
    from secretref.store import PassphraseKey

    return PassphraseKey(asked(prompt)) if text == "prompt" else text


def asked(prompt: str, *, confirm: bool = False) -> SecretStr:
    """Ask for a value that is not shown."""
    from pydantic import SecretStr

    return SecretStr(typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


def moment(at: float) -> str:
    """Show a time of the store."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
