"""Seeded inputs: secrets, log text with a form never, seldom or often, records, and hostile text."""

from __future__ import annotations

import html
import json
import random
import re
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

__all__ = ["DENSITIES", "HOSTILE", "MARK", "Text", "forms", "hostile", "json_lines", "records", "secrets", "text"]

MARK: Final = "***"
DENSITIES: Final = {"none": 0, "low": 20_000, "high": 500}
"""Characters from one planted form to the next."""

_WORDS = (  # noqa: SIM905 - prose
    "the of request user process status ok error timeout connection retry worker started finished queue payment order "
    "shipment path file id cache session handler upstream replica batch schedule invoice customer region"
).split()
_FOREIGN = ("🚚", "Доставка", "配達", "prêt", "größer", "📦")


def secrets(count: int, *, seed: int = 4) -> dict[str, str]:
    """Names and values: 20 to 40 random printable characters each."""
    rng = random.Random(seed)
    printable = string.digits + string.ascii_letters + string.punctuation
    return {f"secret_{at}": "".join(rng.choices(printable, k=rng.randint(20, 40))) for at in range(count)}


def forms(value: str) -> list[str]:
    """The spellings that are planted, and that the peers are told to look for: about nine, equal ones once."""
    raw = value.encode()
    percent = quote(value, safe="")
    spellings = (
        value,
        b64encode(raw).decode(),
        urlsafe_b64encode(raw).decode(),
        raw.hex(),
        raw.hex().upper(),
        percent,
        re.sub("%..", lambda escape: escape[0].lower(), percent),
        quote(value, safe="/"),
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
        html.escape(value),
        html.escape(value, quote=False),
    )
    return list(dict.fromkeys(spellings))


def _sentence(rng: random.Random, size: int) -> str:
    return " ".join(rng.choices(_WORDS, k=size))


def _hex(rng: random.Random, size: int) -> str:
    return rng.randbytes(size).hex()


def _json_line(rng: random.Random, at: int) -> str:
    return json.dumps(
        {
            "ts": 1_700_000_000 + at,
            "level": "INFO",
            "msg": _sentence(rng, 8),
            "trace": _hex(rng, 16),
            "path": "/api/v1/a",
        }
    )


def _logfmt(rng: random.Random, at: int) -> str:
    return f'ts={at} level=info msg="{_sentence(rng, 7)}" dur={rng.random():.3f}ms path=C:\\srv\\{rng.choice(_WORDS)}'


def _access(rng: random.Random, at: int) -> str:
    agent = "Mozilla/5.0 (X11; Linux x86_64)"
    path = f"/a/{rng.choice(_WORDS)}?q={rng.choice(_WORDS)}%20{rng.choice(_WORDS)}&page={at % 9}"
    return f'10.0.{at % 255}.1 - - [10/Nov/2026:13:55:36 +0000] "GET {path} HTTP/1.1" 200 {at} "-" "{agent}"'


def _xml(rng: random.Random, at: int) -> str:
    return f'<item id="{at}"><name>{_sentence(rng, 4)}</name><note>a &lt;b&gt; &amp; c</note></item>'


def _traceback(rng: random.Random, at: int) -> str:
    name = rng.choice(_WORDS)
    return (
        f'  File "/usr/lib/python3/dist-packages/{name}/core.py", line {at % 900}, in {name}\n    return self.{name}(1)'
    )


def _tokens(rng: random.Random, at: int) -> str:
    return f"digest sha256:{_hex(rng, 32)} part {b64encode(rng.randbytes(36)).decode()} etag {at:08x}"


_LINES: tuple[Callable[[random.Random, int], str], ...] = (_json_line, _logfmt, _access, _xml, _traceback, _tokens)


@dataclass(frozen=True, slots=True)
class Text:
    """A text and what must come of it.

    Attributes:
        raw: The text.
        redacted: The same with the mark in place of every planted form.
    """

    raw: str
    redacted: str


def _lines(rng: random.Random, *, foreign: bool) -> Iterator[str]:
    at = 0
    while True:
        line = _LINES[at % len(_LINES)](rng, at)
        yield f"{line} {rng.choice(_FOREIGN)}\n" if foreign else line + "\n"
        at += 1


def text(size: int, density: str, values: dict[str, str], *, foreign: bool = False, seed: int = 7) -> Text:
    """Log text of *size* characters or a little more: JSON lines, logfmt, access log, XML, tracebacks, digests."""
    rng = random.Random(seed)
    every = DENSITIES[density]
    planted = [form for value in values.values() for form in forms(value)] if every else []
    raw: list[str] = []
    redacted: list[str] = []
    length, due = 0, every // 2
    for line in _lines(rng, foreign=foreign):
        raw.append(line)
        redacted.append(line)
        length += len(line)
        if planted and length >= due:
            form = rng.choice(planted)
            raw.append(f"auth {form} sent\n")
            redacted.append(f"auth {MARK} sent\n")
            length += len(form) + 11
            due += every
        if length >= size:
            return Text("".join(raw), "".join(redacted))
    raise AssertionError("the lines never end")


def json_lines(size: int, *, seed: int = 7) -> str:
    """Clean text of JSON lines only."""
    rng = random.Random(seed)
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(_json_line(rng, len(lines)) + "\n")
        length += len(lines[-1])
    return "".join(lines)


def _task(rng: random.Random, at: int) -> dict[str, Any]:
    return {
        "taskId": f"{_hex(rng, 4)}-{_hex(rng, 2)}-{_hex(rng, 2)}-{_hex(rng, 6)}",
        "taskType": "HTTP",
        "status": "COMPLETED",
        "retryCount": at % 3,
        "inputData": {
            "uri": f"https://api.example.com/{rng.choice(_WORDS)}/{at}",
            "method": "POST",
            "headers": {"Accept": "application/json", "X-Request": _hex(rng, 8)},
            "body": {"note": _sentence(rng, 12), "amount": at * 1.25, "lines": [_sentence(rng, 3), _sentence(rng, 3)]},
        },
        "outputData": {"statusCode": 200, "reason": _sentence(rng, 14), "items": [at, True, None]},
    }


def records(count: int, *, hit: str | None = None, seed: int = 11) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Nested execution records of about 2 KB and 59 nodes, and what must come of them.

    Args:
        count: How many.
        hit: A form that stands in one leaf of each record; None for clean records.
        seed: Of the random generator.
    """
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for at in range(count):
        tasks = [_task(rng, at), _task(rng, at + 1)]
        notes = {"summary": _sentence(rng, 40), "detail": _sentence(rng, 70)}
        head = {
            "workflowId": _hex(rng, 16),
            "version": 3,
            "status": "RUNNING",
            "priority": 0,
            "owner": "fin",
            "event": None,
        }
        found.append(head | {"tasks": tasks, "notes": notes})
    if hit is None:
        return found, found
    expected = json.loads(json.dumps(found))
    for record, cleaned in zip(found, expected, strict=True):
        spot, into = record["tasks"][1]["outputData"], cleaned["tasks"][1]["outputData"]
        into["reason"] = f"{spot['reason']} auth {MARK} sent"
        spot["reason"] = f"{spot['reason']} auth {hit} sent"
    return found, expected


def _repeated(piece: str, size: int) -> str:
    return piece * -(-size // len(piece))


def _near_misses(size: int, values: dict[str, str]) -> str:
    return _repeated("".join(form[:-1] + "\x01" for value in values.values() for form in forms(value)), size)


def _hits(size: int, values: dict[str, str]) -> str:
    return _repeated("".join(form + " " for value in values.values() for form in forms(value)), size)


def _base64(size: int, _values: dict[str, str]) -> str:
    return b64encode(random.Random(5).randbytes(size * 3 // 4)).decode()


def _hexadecimal(size: int, _values: dict[str, str]) -> str:
    return random.Random(6).randbytes(size // 2).hex()


def _always(piece: str) -> Callable[[int, dict[str, str]], str]:
    return lambda size, _values: _repeated(piece, size)


HOSTILE: Final[dict[str, Callable[[int, dict[str, str]], str]]] = {
    "near misses": _near_misses,
    "hits everywhere": _hits,
    "base64": _base64,
    "hexadecimal": _hexadecimal,
    "percent signs": _always("%"),
    "percent escapes": _always("%2541"),
    "backslashes": _always("\\"),
    "backspaces": _always("a\b"),
    "backslash escapes": _always("\\u0041\\x5cn"),
    "ampersands": _always("&"),
    "entities": _always("&amp;#65;"),
    "quotes": _always("'"),
    "line breaks": _always("\n"),
    "terminal sequences": _always("\x1b["),
    "bytes in decimal": _always("65, "),
    "one letter": _always("a"),
}


def hostile(kind: str, size: int, values: dict[str, str]) -> str:
    """Text of *size* characters that is meant to be slow."""
    return HOSTILE[kind](size, values)[:size]
