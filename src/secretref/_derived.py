"""Parts of a value that are secrets of their own: lines of a key, leaves of a JSON document, passwords in URIs."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import unquote

from secretref._encodings import MINIMUM

__all__ = ["is_multiline", "may_be_folded", "parts"]

_LEAF = 8
"""Lines and JSON leaves shorter than this many characters are ordinary words too often."""

_BLANK = "\ufeff \t\r\n"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PEM_EDGE = re.compile(r"-----(BEGIN|END) [^-]*-----")
_WORDY = re.compile(r"[A-Za-z0-9]{4}")
_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CREDENTIALS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://([^\s/?#@:]*)(?::([^\s/?#]*))?@")
_NO_PASSWORD = frozenset(("", "x", "x-oauth-basic", "oauth2"))
"""What stands in the place of a password where the token is the user."""

_TOKEN = 16
"""A user of so many characters without a password is a token."""

_PAIR = re.compile(r"([^\s:/@]{1,64}):(?!//)(\S{3,})")
_PGPASS = re.compile(r"(?m)^[^:\s]+:[0-9*]+:[^:\s]*:[^:\s]*:(\S+)$")
_SETTING = re.compile(
    r"""(?i)(?:password|passphrase|passwd|pwd|pass|secret|token|key|sig|signature|auth)[a-z0-9_]{0,32}["']?"""
    r"""[ \t]{0,8}(?:=|:(?=[ \t"'])|(?<=password)[ \t])[ \t]{0,8}(?:"([^"\r\n]+)"|'([^'\r\n]+)'|([^;&\s]+))"""
)
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey|digest|negotiate)\s+(\S+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}\s?")
_STANDARD = str.maketrans("-_", "+/")
_PUNCTUATION = ",}])\"'"
_PLAIN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s@]*")
_MAIL = re.compile(r"[^\s@:/]+@[^\s@]+\.[A-Za-z]{2,}")
_TELLING_KEY = re.compile(r"(?i)pass|pwd|secret|token|key|credential|auth")
_ORDINARY = frozenset(
    ("service_account", "authorized_user", "application", "postgresql", "googleapis.com", "undefined")
)


_WORDS = 16


def is_multiline(value: str) -> bool:
    """Tell whether *value* has a line break inside."""
    return _LINE_BREAK.search(value.strip()) is not None


def may_be_folded(value: str) -> bool:
    """Tell whether a program may print other white space inside *value*: it has several lines, or a few words."""
    return is_multiline(value) or (1 < len(value.split()) <= _WORDS and value.lstrip()[0] not in "{[")


def parts(value: str) -> Iterator[str]:
    """List what must be hidden beside *value* itself; duplicates are possible."""
    yield from _lines(value)
    if "\\n" in value:  # as keys stand in variables of the environment
        yield from _lines(value.replace("\\r", "\r").replace("\\n", "\n"))
    if value.lstrip(_BLANK)[:1] in ("{", "["):
        yield from _leaves(value)
    else:
        yield from _passwords(value)


def _lines(value: str) -> Iterator[str]:
    if not is_multiline(value):
        yield from _columns(_PEM_EDGE.sub("", value).replace(" ", ""))
        return
    lines = [line.strip() for line in _LINE_BREAK.split(value)]
    body = [line for line in lines if not _PEM_EDGE.fullmatch(line)]
    yield from (line for line in body if len(line) >= _LEAF and _WORDY.search(line) and line.lower() not in _ORDINARY)
    if len(body) < len(lines):
        yield "".join(body)


def _columns(key: str) -> Iterator[str]:
    """Break a key that stands on one line into the lines that programs print: of 64 digits (RFC 7468) or 76 (MIME)."""
    if len(key) > 76 and _BASE64.fullmatch(key):
        yield key
        lines = [key[at : at + columns] for columns in (64, 76) for at in range(0, len(key), columns)]
        yield from (line for line in lines if len(line) >= _LEAF)


def _leaves(text: str) -> Iterator[str]:
    """List what is secret in a JSON document, and its usual layouts."""
    pairs: list[tuple[str, object]] = []

    def members(found: list[tuple[str, object]]) -> dict[str, object]:
        pairs.extend(found)
        return dict(found)

    try:
        document = json.loads(text.strip(_BLANK), object_pairs_hook=members)
    except (ValueError, RecursionError):  # not quite JSON, or too deep: take every string
        pairs += (("", literal) for literal in _STRING.findall(text))
        yield from _passwords(text)
    else:
        for layout in ({"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4}):
            yield json.dumps(document, ensure_ascii=False, **layout)
        pairs.append(("", document))
    for key, node in _scalars(pairs):
        if isinstance(node, str):
            if _is_secret_leaf(key, node):
                yield node
                yield from _lines(node)
            yield from _leaves(node) if node[:1] in ("{", "[") else _passwords(node)
        elif isinstance(node, (int, float)) and not isinstance(node, bool) and len(str(node)) >= MINIMUM:
            yield str(node)


def _scalars(pairs: list[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """Follow lists; objects stand among the pairs with all their members, repeated keys included."""
    stack = list(pairs)
    while stack:
        key, node = stack.pop()
        if isinstance(node, list):
            stack += ((key, item) for item in node)
        elif not isinstance(node, dict):
            yield key, node


def _is_secret_leaf(key: str, leaf: str) -> bool:
    if _TELLING_KEY.search(key):
        return True
    return (
        len(leaf) >= _LEAF
        and leaf.lower() not in _ORDINARY
        and not (_PLAIN_URL.fullmatch(leaf) or _MAIL.fullmatch(leaf))
    )


def _passwords(value: str) -> Iterator[str]:
    """List the passwords in a URI, a pair, a setting or a header, and what they hold in base64."""
    found = [
        user if (password or "") in _NO_PASSWORD else password
        for user, password in _CREDENTIALS.findall(value)
        if (password or "") not in _NO_PASSWORD or len(user) >= _TOKEN
    ]
    found += [next(filter(None, groups)) for groups in _SETTING.findall(value)]
    found += _PGPASS.findall(value)
    pair = _PAIR.fullmatch(value)
    if pair and not (pair[2].isdecimal() and len(pair[2]) < MINIMUM):  # a port
        found.append(pair[2])
    scheme = _SCHEME.fullmatch(value)
    if scheme:
        found.append(scheme[1])
    for password in found:
        yield password
        yield password.rstrip(_PUNCTUATION)
        yield unquote(password)
    for text in filter(None, map(_text_in_base64, (value, *found))):
        yield text
        yield from _lines(text)
        yield from (match[2] for match in _PAIR.finditer(text))


def _text_in_base64(value: str) -> str:
    """Decode base64 that holds readable text; empty if it does not."""
    if not _BASE64.fullmatch(value):
        return ""
    digits = value.strip().rstrip("=").translate(_STANDARD)
    try:
        text = b64decode(digits + "=" * (-len(digits) % 4)).decode()
    except ValueError:
        return ""
    return text if "".join(text.split()).isprintable() and len(text) >= MINIMUM else ""
