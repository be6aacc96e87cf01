"""Orkes Conductor, and our own server, as a provider: secrets over their REST API.

One fetch is one deadline: token, batch, single reads, pauses and retries share it.

1. All names go in one ``POST /secrets/resolve`` where the server has it; where it answers 404 or 405,
   that is remembered and each name is read by ``GET /secrets/{name}``, a few at a time.
2. A 401 or 403 that says ``EXPIRED_TOKEN`` or ``INVALID_TOKEN`` renews the token, once. Whoever needs a new token
   at the same time waits for the same one.

All traffic of a provider runs on one event loop in a thread of its own, so that threads and event loops share
connections, token and circuit breaker, and the deadline holds even against a server that dribbles.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote

from pydantic import SecretStr

from secretref.errors import AccessDeniedError, ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import is_name
from secretref.providers._http import Answer, Channel, checked_url
from secretref.providers._settings import check_counts, check_seconds

if TYPE_CHECKING:
    from secretref.providers import ProviderURL

__all__ = ["OrkesProvider"]

_NO_NAMES = frozenset({"v2", "clearLocalCache", "clearRedisCache"})  # routes that reading such a name would call
_BATCH = 500  # names in one request
_TOKEN_LIFE = 45 * 60.0  # seconds, where the token does not tell
_RENEW_BEFORE = 60.0  # seconds before a token expires
_STALE = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN"})


class OrkesProvider:
    """Fetch secrets from an Orkes cluster or from ``secretref serve``.

    The credentials go only to *url*: no redirect is followed; proxies and credentials of the environment are not used.

    Args:
        url: Base address, such as ``https://cluster.example/api``.
        key_id: Id of an application's access key.
        key_secret: Its secret.
        timeout: Seconds for one fetch, all retries included.
        attempts: How often one request is sent at most.
        concurrency: Requests under way at the same time.
        plain_http: Allow ``http://`` to a loopback address.
        tls: TLS settings in place of the default verification.

    Raises:
        ConfigurationError: *url* is not https, or holds credentials.
    """

    name = "orkes"

    def __init__(
        self,
        url: str,
        key_id: str,
        key_secret: str | SecretStr,
        *,
        timeout: float = 10.0,
        attempts: int = 4,
        concurrency: int = 8,
        plain_http: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = checked_url(url, plain_http=plain_http)
        check_seconds(self.name, timeout=timeout)
        check_counts(self.name, attempts=attempts, concurrency=concurrency)
        if not isinstance(key_id, str) or not isinstance(key_secret, str | SecretStr):
            raise ConfigurationError("provider orkes: the access key is text")
        self._credentials = SecretStr(
            json.dumps(
                {
                    "keyId": key_id,
                    "keySecret": key_secret.get_secret_value() if isinstance(key_secret, SecretStr) else key_secret,
                }
            )
        )
        self._timeout = timeout
        self._attempts = attempts
        self._concurrency = concurrency
        self._tls = tls
        self._clusters: dict[int, _Cluster] = {}

    @classmethod
    def from_url(cls, url: ProviderURL) -> Self:
        """Build from ``orkes://HOST/api`` and the variables that the Conductor SDKs read.

        ``CONDUCTOR_AUTH_KEY`` and ``CONDUCTOR_AUTH_SECRET`` hold the access key; ``CONDUCTOR_SERVER_URL`` the address
        where the URL gives none. Options: ``timeout``, ``attempts``, ``concurrency``, ``plain_http``.

        Raises:
            ConfigurationError: An address or credential is missing.
        """
        plain_http = url.flag("plain_http", default=False)
        address = (
            f"{'http' if plain_http else 'https'}://{url.location}" if url.location else _set("CONDUCTOR_SERVER_URL")
        )
        return cls(
            address,
            _set("CONDUCTOR_AUTH_KEY"),
            _set("CONDUCTOR_AUTH_SECRET"),
            timeout=url.number("timeout", 10.0),
            attempts=url.whole("attempts", 4),
            concurrency=url.whole("concurrency", 8),
            plain_http=plain_http,
        )

    def __repr__(self) -> str:
        return f"OrkesProvider({self._url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an OrkesProvider holds credentials and is not pickled; build it where it is used")

    def fetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Return the values of those *names* that exist.

        Raises:
            AccessDeniedError: The access key may not read some of them; carries all.
            ProviderUnavailableError: Not within the deadline; asking again may help.
            ProviderError: The server refused or its answer makes no sense.
        """
        cluster = self._cluster()
        future = asyncio.run_coroutine_threadsafe(cluster.fetch(names), cluster.loop)
        try:
            return future.result()
        finally:
            future.cancel()

    async def afetch(self, names: frozenset[str]) -> Mapping[str, SecretStr]:
        """Return the values of those *names* that exist, like ``fetch``."""
        cluster = self._cluster()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(cluster.fetch(names), cluster.loop))

    def close(self) -> None:
        """Close the connections; a later fetch opens them anew."""
        cluster = self._clusters.pop(os.getpid(), None)
        if cluster is not None:
            cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cluster(self) -> _Cluster:
        """One per process: connections, locks and threads do not survive a fork."""
        cluster = self._clusters.get(os.getpid())
        if cluster is None:
            channel = Channel(
                self.name,
                self._url,
                timeout=self._timeout,
                attempts=self._attempts,
                concurrency=self._concurrency,
                tls=self._tls,
            )
            cluster = self._clusters.setdefault(os.getpid(), _Cluster(channel, self._credentials, self._timeout))
            weakref.finalize(self, cluster.close)
        cluster.start()
        return cluster


def _set(variable: str) -> str:
    text = os.environ.get(variable, "")
    if not text:
        raise ConfigurationError(f"{variable} is not set")
    return text


class _Cluster:
    """One process's talk with the server; every coroutine runs on ``loop``."""

    def __init__(self, channel: Channel, credentials: SecretStr, timeout: float) -> None:
        self.loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="secretref-orkes", daemon=True)
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._channel = channel
        self._credentials = credentials
        self._timeout = timeout
        self._token = SecretStr("")
        self._token_ends = 0.0
        self._renewal: asyncio.Task[SecretStr] | None = None
        self._batches = True

    def start(self) -> None:
        with self._guard:
            if self._thread.ident is None:
                self.loop = asyncio.new_event_loop()
                self._thread.start()

    def _run(self) -> None:
        self.loop.run_forever()
        self.loop.close()

    def close(self) -> None:
        if self._pid != os.getpid() or not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop)
        if threading.current_thread() is not self._thread:  # the collector runs in any thread
            self._thread.join(timeout=5.0)

    async def _stop(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._channel.close()
        self.loop.stop()

    async def fetch(self, names: frozenset[str]) -> dict[str, SecretStr]:
        """Fetch within the deadline; errors are made anew, since the frames of the first ones hold answers."""
        failure: AccessDeniedError | ProviderError
        try:
            async with asyncio.timeout(self._timeout):
                return await self._fetch(sorted(name for name in names if is_name(name) and name not in _NO_NAMES))
        except TimeoutError:
            failure = ProviderUnavailableError(OrkesProvider.name, kind="deadline", names=names)
        except AccessDeniedError as error:
            failure = AccessDeniedError(error.names, subject=error.subject)
        except ProviderError as error:
            failure = type(error)(OrkesProvider.name, kind=error.kind, names=error.names or names)
        raise failure

    async def _fetch(self, names: list[str]) -> dict[str, SecretStr]:
        found: dict[str, SecretStr] = {}
        for start in range(0, len(names), _BATCH):
            some = names[start : start + _BATCH]
            values = await self._read_batch(some) if self._batches else None
            found |= values if values is not None else await self._read_each(some)
        return found

    async def _read_batch(self, names: list[str]) -> dict[str, SecretStr] | None:
        """Read *names* in one request; ``None`` if the server does not know how."""
        answer = await self._call("POST", "/secrets/resolve", json.dumps({"names": names}))
        if answer.status in {404, 405}:
            self._batches = False
            return None
        body = answer.json() if answer.status == 200 else None
        results = body.get("results") if isinstance(body, dict) else None
        if not isinstance(results, dict):
            raise _failed(answer.kind, names)
        outcomes = {name: _outcome(results.get(name)) for name in names}
        _refuse({name for name, (outcome, _) in outcomes.items() if outcome == "ACCESS_DENIED"})
        odd = {name for name, (outcome, _) in outcomes.items() if outcome not in {"FOUND", "NOT_FOUND"}}
        if odd:
            raise _failed("unreadable", odd)
        return {name: value for name, (outcome, value) in outcomes.items() if outcome == "FOUND"}

    async def _read_each(self, names: list[str]) -> dict[str, SecretStr]:
        """Read *names* side by side and wait for all, so that an error names all."""
        results = await asyncio.gather(*(self._read(name) for name in names), return_exceptions=True)
        read = dict(zip(names, results, strict=True))
        failed = {name: fault for name, fault in read.items() if isinstance(fault, BaseException)}
        for fault in failed.values():
            raise _failed(fault.kind, failed, type(fault)) if isinstance(fault, ProviderError) else fault
        _refuse({name for name, value in read.items() if value is False})
        return {name: value for name, value in read.items() if isinstance(value, SecretStr)}

    async def _read(self, name: str) -> SecretStr | bool | None:
        """Return the value, ``None`` if there is none, ``False`` if it may not be read."""
        answer = await self._call("GET", f"/secrets/{quote(name, safe='')}")
        if answer.status == 404:
            return None
        if answer.status == 403:
            return False
        text = answer.text() if answer.status == 200 else None
        if text is None:
            raise _failed(answer.kind, [name])
        return SecretStr(text)

    async def _call(self, method: str, path: str, content: str | None = None) -> Answer:
        """Send a request with the token, renewed once if the server says that it is stale."""
        token = await self._current_token()
        for renewed in (False, True):
            headers = {"X-Authorization": token.get_secret_value(), "Content-Type": "application/json"}
            answer = await self._channel.send(method, path, headers=headers, content=content)
            refusal = answer.json() if answer.status in {401, 403} else None
            if not isinstance(refusal, dict) or refusal.get("error") not in _STALE:
                return answer
            if not renewed:
                token = await self._current_token(refused=token)
        raise _failed("token refused", [])

    async def _current_token(self, refused: SecretStr | None = None) -> SecretStr:
        """Return a token with time left that is not *refused*; all who wait for a new one share its request."""
        if time.monotonic() < self._token_ends and self._token != refused:
            return self._token
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> SecretStr:
        headers = {"Content-Type": "application/json"}
        async with asyncio.timeout(self._timeout):
            answer = await self._channel.send(
                "POST", "/token", headers=headers, content=self._credentials.get_secret_value()
            )
        body = answer.json() if answer.status == 200 else None
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise _failed("credentials refused" if answer.status in {400, 401, 403} else answer.kind, [])
        self._token = SecretStr(token)
        life = _life(token)
        self._token_ends = time.monotonic() + max(life - _RENEW_BEFORE, life / 2)
        return self._token


def _outcome(result: object) -> tuple[str, SecretStr]:
    """Return one name's outcome and value in a batch; what has no sound shape is unreadable."""
    outcome, value = (result.get("outcome"), result.get("value")) if isinstance(result, dict) else (None, None)
    if outcome == "FOUND" and isinstance(value, str):
        return "FOUND", SecretStr(value)
    return (outcome if outcome in {"NOT_FOUND", "ACCESS_DENIED"} else "UNREADABLE"), SecretStr("")


def _refuse(denied: set[str]) -> None:
    if denied:
        raise AccessDeniedError(denied, subject="the application of the access key")


def _failed(kind: str, names: Iterable[str], error: type[ProviderError] = ProviderError) -> ProviderError:
    return error(OrkesProvider.name, kind=kind, names=names)


def _life(token: str) -> float:
    """Seconds that *token* has left, if it is a JWT that tells."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        ends = float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return _TOKEN_LIFE
    return min(max(ends - time.time(), 1.0), _TOKEN_LIFE)
