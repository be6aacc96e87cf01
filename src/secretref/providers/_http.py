"""Calm HTTP for providers: capped, no redirects, retried with care, and a circuit that leaves a failing server alone.

1. A request waits for a slot, so that only a few are under way.
2. A time-out, a broken connection, 429 and 5xx are tried again after a pause; every other answer is final.
3. Five such faults in a row open the circuit: nothing is sent for a while, then one probe.
4. No text of an answer or of an SDK error leaves this file; only class names and status codes do.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from secretref.errors import ConfigurationError, MissingExtraError, ProviderError, ProviderUnavailableError

try:
    import httpx
except ImportError:
    raise MissingExtraError("orkes") from None

__all__ = ["Answer", "Channel", "checked_url"]

_MAX_BODY = 16 * 1024 * 1024  # bytes of one answer
_MAX_PAUSE = 30.0  # seconds between two attempts, whatever Retry-After says
_RANDOM = random.SystemRandom()


def checked_url(url: str, *, plain_http: bool) -> str:
    """Return *url* without a trailing slash if it is https, or http to a loopback address by choice.

    Raises:
        ConfigurationError: It is neither, or it holds credentials, a query or a fragment.
    """
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback and plain_http):
        raise ConfigurationError("the url must be https, or http to a loopback address with plain_http=True")
    if parts.username is not None or parts.query or parts.fragment or not parts.hostname:
        raise ConfigurationError("the url must be an address alone, without credentials, query or fragment")
    return url.rstrip("/")


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer; its body may hold values, so neither it nor the headers are shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the parsed body, ``None`` if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def text(self) -> str | None:
        """Return the body as text, ``None`` if it is no UTF-8."""
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError:
            return None

    @property
    def kind(self) -> str:
        """A short word for an error, without a word of the body."""
        return f"HTTP {self.status}" if self.status != httpx.codes.OK else "malformed answer"

    @property
    def worth_repeating(self) -> bool:
        """Whether the server asks for patience."""
        return self.status == httpx.codes.TOO_MANY_REQUESTS or self.status >= httpx.codes.INTERNAL_SERVER_ERROR

    @property
    def retry_after(self) -> float:
        """Seconds the server asks to wait, 0 if it does not say so in seconds."""
        asked = self.headers.get("retry-after", "")
        return float(asked) if asked.isdecimal() and len(asked) < 10 else 0.0


class _Circuit:
    """Closed; after five faults open for a pause that doubles; then one probe at a time."""

    _FAULTS, _SHORTEST, _LONGEST = 5, 1.0, 60.0  # pauses in seconds

    def __init__(self) -> None:
        self._faults = 0
        self._pause = self._SHORTEST
        self._open_until = 0.0
        self._probing = False

    def admits(self) -> bool:
        """Whether a request may be sent now; the first one after a pause is the probe."""
        if self._faults < self._FAULTS:
            return True
        if self._probing or time.monotonic() < self._open_until:
            return False
        self._probing = True
        return True

    def note(self, *, fault: bool | None) -> None:
        """Note how a request ended; ``None`` for one that was given up and tells nothing."""
        self._probing = False
        if fault is False:
            self._faults, self._pause = 0, self._SHORTEST
        elif fault:
            self._faults += 1
            if self._faults >= self._FAULTS:
                self._open_until = time.monotonic() + self._pause * _RANDOM.uniform(0.8, 1.2)
                self._pause = min(2 * self._pause, self._LONGEST)


class Channel:
    """Requests to one server, all on one event loop.

    Args:
        provider: Named in errors.
        url: Checked base address.
        timeout: Seconds for one request.
        attempts: How often one request is sent at most.
        concurrency: Requests under way at the same time.
        tls: TLS settings in place of the default verification.
    """

    def __init__(
        self,
        provider: str,
        url: str,
        *,
        timeout: float,
        attempts: int,
        concurrency: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._provider = provider
        self._url = url
        self._timeout = timeout
        self._attempts = attempts
        self._slots = asyncio.Semaphore(concurrency)
        self._circuit = _Circuit()
        self._client = httpx.AsyncClient(
            verify=tls if tls is not None else url.startswith("https:"),
            follow_redirects=False,  # a redirect would carry the credentials to another address
            trust_env=False,  # addresses and credentials come from the configuration only
            timeout=timeout,
            headers={"Accept": "text/plain, application/json", "Accept-Encoding": "identity"},
        )

    async def send(self, method: str, path: str, *, headers: dict[str, str], content: str | None = None) -> Answer:
        """Return the final answer.

        Raises:
            ProviderUnavailableError: There was none in all attempts, or the circuit is open.
            ProviderError: The exchange failed in a way that repeating does not heal.
        """
        attempt = 0
        while True:
            attempt += 1
            async with self._slots:
                outcome = await self._attempt(method, path, headers, content)
            if isinstance(outcome, Answer) and not outcome.worth_repeating:
                return outcome
            asked = outcome.retry_after if isinstance(outcome, Answer) else 0.0
            pause = max(asked, 0.1 * 2 ** (attempt - 1)) * _RANDOM.uniform(1.0, 1.25)
            if attempt >= self._attempts or pause > min(self._timeout, _MAX_PAUSE):
                kind = outcome.kind if isinstance(outcome, Answer) else outcome
                raise ProviderUnavailableError(self._provider, kind=kind)
            await asyncio.sleep(pause)

    async def _attempt(self, method: str, path: str, headers: dict[str, str], content: str | None) -> Answer | str:
        """Return an answer, or the class name of a fault that asking again may heal."""
        if not self._circuit.admits():
            raise ProviderUnavailableError(self._provider, kind="circuit open")
        answer, fault, kind = None, None, "oversized answer"
        try:
            answer = await self._exchange(method, path, headers, content)
            fault = answer is not None and answer.worth_repeating
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            fault, kind = True, type(error).__name__
        except httpx.HTTPError as error:
            kind = type(error).__name__
        finally:
            self._circuit.note(fault=fault)
        if answer is None and not fault:
            raise ProviderError(self._provider, kind=kind)
        return answer or kind

    async def _exchange(self, method: str, path: str, headers: dict[str, str], content: str | None) -> Answer | None:
        """Return the answer, ``None`` if it is too large or compressed, which nobody asked for."""
        async with self._client.stream(method, self._url + path, headers=headers, content=content) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                return None
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MAX_BODY:
                    return None
            return Answer(response.status_code, response.headers, bytes(body))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
