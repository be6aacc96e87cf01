"""Run the server: on loopback unless told otherwise, with TLS when others can reach it, drained when it is stopped."""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import resource
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from secretref.errors import ConfigurationError
from secretref.server._app import create_app
from secretref.server._service import Settings

if TYPE_CHECKING:
    from secretref.store import Store

__all__ = ["serve"]

_HEADER_TIMEOUT = 10.0  # seconds for the head of a request to arrive
_IDLE_TIMEOUT = 30  # seconds a connection is kept without a request
_DRAIN_TIMEOUT = 30  # seconds that requests under way have after SIGTERM
_CONNECTIONS = 2000
_PR_SET_DUMPABLE = 4


def serve(
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: Settings | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    public: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve *store* until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        store: An open store.
        host: Address to listen on.
        port: Port to listen on.
        settings: How to behave; host names of a public server must be among its ``hosts``.
        certificate: PEM file of the TLS certificate.
        key: PEM file of its key.
        public: Allow an address that others can reach.
        ready: Called with the base address once requests are answered.

    Raises:
        ConfigurationError: The address is not loopback, and *public* or TLS is missing.
    """
    if not _is_loopback(host) and not (public and certificate and key):
        raise ConfigurationError(
            "an address that others can reach needs TLS (a certificate and its key) and public=True"
        )
    keep_memory_private()
    settings = replace(settings or Settings(), tls=certificate is not None)
    config = uvicorn.Config(
        create_app(store, settings=settings),
        host=host,
        port=port,
        http=PatientProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_TIMEOUT,
        timeout_graceful_shutdown=_DRAIN_TIMEOUT,
        h11_max_incomplete_event_size=16 * 1024,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    _Server(config, ready).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._ready is not None:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            shown = f"[{host}]" if ":" in host else host
            self._ready(f"{'https' if self.config.is_ssl else 'http'}://{shown}:{port}/api")


def keep_memory_private() -> None:
    """Forbid core dumps, and other processes of this user to look into this one."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class PatientProtocol(H11Protocol):
    """HTTP/1.1 with an end to patience: a head that dribbles in is cut off."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while a head is incomplete."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(_HEADER_TIMEOUT, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
