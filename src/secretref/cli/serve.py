"""``secretref serve``: the secrets service, with Conductor's REST API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


def default_store() -> str:
    """Return where the store is when nobody says: in a directory of its own, as others may not look into it."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return str(Path(data) / "secretref" / "secretref.db")


@commands.command()
def serve(  # noqa: PLR0917 - one for each option
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    store: Annotated[
        str | None,
        typer.Option(
            envvar="SECRETREF_STORE",
            help="Store: a file, or postgresql://…; made if it is missing.",
            show_default="secretref/secretref.db in the user's data directory",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar="SECRETREF_STORE_KEY", help="Where its key is: file:PATH, env:NAME, keyring:SERVICE/NAME."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate, PEM.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="Key of the certificate, PEM.")] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Allow an address that others can reach; needs TLS.")
    ] = False,
    allow_host: Annotated[list[str] | None, typer.Option(help="Host name to serve besides the local ones.")] = None,
    allow_origin: Annotated[list[str] | None, typer.Option(help="Origin of pages that may call.")] = None,
    verbatim: Annotated[
        bool, typer.Option("--verbatim", help="Store bodies as they are, even where they are JSON strings.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Answer reads with text/plain always.")] = False,
) -> None:
    """Serve secrets by Conductor's REST API until SIGTERM or Ctrl-C.

    On an empty store, the first administrator is made; his access key is printed this once.
    """
    from secretref.server import Settings, bootstrap
    from secretref.server import serve as run
    from secretref.store import open_store

    usual = Settings()
    settings = Settings(
        hosts=usual.hosts | {name.lower() for name in (host, *(allow_host or ())) if name},
        origins=frozenset(allow_origin or ()),
        verbatim=verbatim,
        plain=plain,
    )
    with open_store(store or default_store(), key=key, create=True) as opened:
        first = bootstrap(opened)
        if first is not None:
            access_key, secret = first
            typer.echo(f"key id: {access_key.id}\nkey secret: {secret.get_secret_value()}")
        run(
            opened,
            host=host,
            port=port,
            settings=settings,
            certificate=certificate,
            key=certificate_key,
            public=public,
            ready=lambda address: typer.echo(f"listening on {address}"),
        )
