"""Search anything for values, in any usual form: the second opinion on the redactor.

The redactor derives the forms of a value and looks for them. This search goes the other way round: it *decodes*
what it is given, again and again, and looks for pieces of the plain value. The two share no code, so that no
mistake can hide in both.

1. Take the subject apart into pieces of bytes, each with its place.
2. Turn each piece into views: itself, and what it becomes when decoded, up to three layers deep.
3. A view leaks when it holds a run of characters of a value: 8 as a rule, fewer where 8 characters of the
   encoded text carry fewer (6 in base64, 4 in hex, UTF-16 and UTF-32).
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
import stat
import traceback
import types
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from pydantic import SecretBytes, SecretStr

from secretref.testing._fake import MARKER

_RUN = 8
_RUN_AFTER = {"base64": 6, "hex": 4, "UTF-16": 4, "UTF-32": 4}
_LAYERS = 3
_SHOWN = 10
_FEW = 512  # so many runs are looked for one by one, which C does fast; more by a set of windows
_INFLATED = 16 << 20  # bytes

_ESCAPE = re.compile(
    rb"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3})|([^xuU0-7]))", re.DOTALL
)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"a": b"\a"}
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(rb"[0-9A-Fa-f]{8,}")
_WIDE = {
    "UTF-16": re.compile(rb"(?:[^\0]\0){4,}|(?:\0[^\0]){4,}"),
    "UTF-32": re.compile(rb"(?:[^\0]\0\0\0){4,}|(?:\0\0\0[^\0]){4,}"),
}
_DEFLATED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_NO_VALUES = (bool, type(None), type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)
_PLAIN = {dict, list, tuple, set, frozenset, deque}
_PLACE = 200  # characters: a place may be very deep
_OPAQUE = (SecretStr, SecretBytes, types.TracebackType, types.FrameType, types.GeneratorType)


class Leak(NamedTuple):
    """A value that was found: where, in which form, and which one, counted from 1."""

    place: str
    form: str
    value: int


def assert_no_leak(subject: object, *values: str) -> None:
    """Fail when *subject* shows any of *values*, whole or in part, plain or encoded.

    Text and bytes are searched; a ``Path`` is read, a folder with all its files and their names; exceptions with
    their traceback, notes, causes and context; other objects with their ``str``, ``repr``, items and attributes.
    A ``SecretStr`` counts as sealed. Plain, escaped (``repr``, JSON, URL, HTML), base64, hex, UTF-16, UTF-32,
    reversed and compressed forms are found, also one in another.

    Args:
        subject: What must not leak; text is text, never the name of a file.
        values: The values, at least one, none empty. Eight characters in a row are a leak.

    Raises:
        AssertionError: Says where and in which form, and which of *values*; never shows one.
        ValueError: There is no value to look for.
        FileNotFoundError: *subject* is a path that leads nowhere.
    """
    __tracebackhide__ = True  # pytest shows the arguments of a failing function, and these are values
    leaks = find_leaks(subject, *values)
    if leaks:
        lines = [f"value {leak.value} of {len(values)} leaked in {leak.place}, {leak.form}" for leak in leaks[:_SHOWN]]
        more = [f"and {len(leaks) - _SHOWN} more"] if len(leaks) > _SHOWN else []
        raise AssertionError("\n".join(lines + more))


def find_leaks(subject: object, *values: str) -> list[Leak]:
    """Return every piece of *subject* that leaks, one entry a piece, in order."""
    if not values or not all(values):
        raise ValueError("assert_no_leak needs values to look for, none of them empty")
    runs = {length: _runs(values, length) for length in (4, 6, _RUN)}
    found = []
    for place, piece in _pieces(subject):
        if hit := _search(piece, runs):
            form, value = hit
            hidden = _search(_encoded(place), runs) is not None
            found.append(Leak("a place whose name holds a value" if hidden else place, form, value + 1))
    return list(dict.fromkeys(found))  # an object shows the same in several ways


def _runs(values: tuple[str, ...], length: int) -> dict[bytes, int]:
    """Return every run of *length* characters, or the whole of a shorter value, with the value's number.

    Short runs leave out the marker of canaries, lest one be taken for another.
    """
    runs = {}
    for number, value in enumerate(values):
        begin = len(MARKER) if length < _RUN < len(value) and value.startswith(MARKER) else 0
        for start in range(begin, max(begin, len(value) - length) + 1):
            runs[_encoded(value[start : start + length])] = number
    return runs


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _search(piece: bytes, runs: dict[int, dict[bytes, int]]) -> tuple[str, int] | None:
    """Look for *runs* in all views of *piece*; return the form and the number of the value."""
    seen: set[bytes] = set()
    queue: deque[tuple[bytes, tuple[str, ...]]] = deque([(piece, ())])
    while queue:
        view, layers = queue.popleft()
        if view in seen:
            continue
        seen.add(view)
        length = _RUN_AFTER.get(layers[-1], _RUN) if layers else _RUN
        number = _match(view, runs[length])
        if number is not None:
            return (f"as {' in '.join(reversed(layers))}" if layers else "plain"), number
        if len(layers) < _LAYERS:
            queue.extend((decoded, (*layers, form)) for form, decoded in _views(view))
    return None


def _match(view: bytes, runs: dict[bytes, int]) -> int | None:
    if len(runs) <= _FEW:
        return next((number for run, number in runs.items() if run in view), None)
    for size in {len(run) for run in runs}:
        for start in range(len(view) - size + 1):
            if (window := view[start : start + size]) in runs:
                return runs[window]
    return None


def _views(view: bytes) -> Iterator[tuple[str, bytes]]:
    """Decode *view* in every way whose trace it shows."""
    yield "reversed text", view[::-1]
    if b"%" in view or b"+" in view:
        yield "URL escapes", unquote_to_bytes(view)
        yield "URL escapes", unquote_to_bytes(view.replace(b"+", b" "))
    if b"&" in view:
        yield "HTML escapes", html.unescape(view.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if b"\\" in view:
        yield "backslash escapes", _ESCAPE.sub(_unescaped, view)
    if b"\0" in view:
        for form, wide in _WIDE.items():
            yield form, b"\n".join(run.replace(b"\0", b"") for run in wide.findall(view))
    words = _BASE64.findall(view)
    for skipped in range(4 if words else 0):
        yield "base64", b"\n".join(_unbased(word[skipped:]) for word in words)
    digits = _HEX.findall(view)
    for skipped in range(2 if digits else 0):
        yield (
            "hex",
            b"\n".join(bytes.fromhex(run[skipped : len(run) - (len(run) - skipped) % 2].decode()) for run in digits),
        )
    for start in _DEFLATED.finditer(view):
        yield "compressed data", _inflated(view[start.start() :])


def _unescaped(match: re.Match[bytes]) -> bytes:
    byte, four, eight, octal, other = match.groups()
    if byte:
        return bytes.fromhex(byte.decode())
    if octal:
        return bytes([int(octal, 8) & 255])
    if four or eight:
        code = int(four or eight, 16)
        return _encoded(chr(code)) if code <= 0x10FFFF else match[0]  # the last code point
    return _CONTROL.get(other, other)


def _unbased(word: bytes) -> bytes:
    usable = word[: len(word) - len(word) % 4].translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(usable)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _INFLATED)  # 47: gzip or zlib, told by the header
    except zlib.error:
        return b""


def _pieces(subject: object) -> Iterator[tuple[str, bytes]]:
    """Take *subject* apart, each object once, without recursion."""
    if isinstance(subject, os.PathLike):
        yield from _files(Path(subject))
        return
    stack: list[tuple[str, Any]] = [("the subject", subject)]
    seen: dict[int, object] = {}  # holds the objects, so that no id is used twice
    while stack:
        place, item = stack.pop()
        if id(item) in seen or isinstance(item, _NO_VALUES):
            continue
        seen[id(item)] = item
        if isinstance(item, str):
            yield place, _encoded(item)
        elif isinstance(item, bytes | bytearray | memoryview):
            yield place, bytes(item)
        else:
            if type(item) not in _PLAIN:  # these show what they hold and nothing else
                yield from ((place, _encoded(text)) for text in _texts(item))
            if not isinstance(item, _OPAQUE):
                parts = [
                    (f"{inner[:_PLACE]}…" if len(inner) > _PLACE else inner, part)
                    for inner, part in _parts(place, item)
                ]
                stack.extend(reversed(parts))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if not path.is_dir():
        yield f"file {path.name}", path.read_bytes()
        return
    for folder, folders, files in os.walk(path):
        for name in sorted(folders + files):
            inner = Path(folder) / name
            place = f"file {inner.relative_to(path)}"
            yield f"the name of a {place}", os.fsencode(name)
            if stat.S_ISREG(inner.lstat().st_mode):
                yield place, inner.read_bytes()


def _texts(item: object) -> Iterator[str]:
    """Show *item* in the ways programs do. What cannot be shown cannot be searched, and that is an error."""
    yield str(item)
    yield repr(item)
    if isinstance(item, BaseException):
        yield "".join(traceback.format_exception(item))
    if isinstance(item, io.StringIO):
        yield item.getvalue()


def _parts(place: str, item: Any) -> Iterator[tuple[str, object]]:
    """Yield what *item* holds: items and keys, attributes with or without ``__dict__``, the history of errors."""
    if isinstance(item, Mapping):
        for number, (key, value) in enumerate(item.items()):
            yield f"{place}, key {number}", key
            yield f"{place}[{key if isinstance(key, str) else number!r}]", value
    elif isinstance(item, list | tuple | set | frozenset | deque):
        yield from ((f"{place}[{number}]", value) for number, value in enumerate(item))
    elif isinstance(item, io.BytesIO):
        yield place, item.getvalue()
    if isinstance(item, BaseException):
        yield f"{place}.args", item.args
        yield f"{place}.__cause__", item.__cause__
        yield f"{place}.__context__", item.__context__
        yield f"{place}.exceptions", getattr(item, "exceptions", ())
    yield from ((f"{place}.{name}", value) for name, value in getattr(item, "__dict__", {}).items())
    for kind in type(item).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            hidden = name.startswith("__") and not name.endswith("__")
            full = f"_{kind.__name__.lstrip('_')}{name}" if hidden else name
            if full not in {"__dict__", "__weakref__"} and hasattr(item, full):
                yield f"{place}.{full}", getattr(item, full)
