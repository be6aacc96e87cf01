"""Which transformations of a value does the redactor see through?

``python benchmarks/evasions.py > docs/evasions.md`` makes the table. Every row is tried with
five values of different make. A cell says in how many of them nothing of the value was left: no eight characters of
its transformed text that the same transformation of another value would not show as well.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import html
import json
import quopri
import re
import shlex
import shutil
import subprocess
import textwrap
import unicodedata
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

from secretref import Redactor

VALUES = (
    ("x7Qk2LmP9vRt4Zw8NbYc", "m3Ws8KpT5yGj6Hd1QeVu"),
    ("p@$$w0rd/+&<\"'>%\\ {x}!", "q#!!k7ht?~|;:,.^()[]=x"),
    ("Tr0ub4dor&3~`#|;:,.?=*(z)^", "Gm5phw9yqu%6!@$/\\<>'\"+-_[]"),
    ("550e8400-e29b-41d4-a716-446655440000", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"),
    ("pässwörd-日本-Ünïcode-€uro", "gëhëimnï-中文-Çedill-€unxx"),
)
Transformation = Callable[[str], str]


def utf8(text: str) -> bytes:
    return text.encode()


def b64(text: str) -> str:
    return base64.b64encode(utf8(text)).decode()


def wrapped(text: str, width: int, end: str = "\n", indent: str = "") -> str:
    return end.join(indent + line for line in textwrap.wrap(b64(f"before {text} and behind"), width))


def every(pattern: str, text: str, *, units: bool = True) -> str:
    return "".join(pattern % unit for unit in (utf8(text) if units else map(ord, text)))


def rows_of_xxd(text: str) -> str:
    raw = utf8(text)
    lines = []
    for at in range(0, len(raw), 16):
        row = raw[at : at + 16]
        digits = " ".join(row.hex()[i : i + 4] for i in range(0, 2 * len(row), 4))
        lines.append(f"{at:08x}: {digits:<40} {''.join(chr(c) if 32 <= c < 127 else '.' for c in row)}")
    return "\n".join(lines)


LITERAL: dict[str, Transformation] = {
    "as it is": lambda s: s,
    "inside a sentence": lambda s: f"user ann, password {s}, host db",
    "JSON, ASCII": json.dumps,
    "JSON, UTF-8": lambda s: json.dumps(s, ensure_ascii=False),
    "JSON, slashes escaped": lambda s: json.dumps(s).replace("/", "\\/"),
    "JSON, safe in HTML": lambda s: re.sub("[<>&]", lambda m: f"\\u{ord(m[0]):04x}", json.dumps(s)),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s)),
    "Python repr": repr,
    "Python repr of bytes": lambda s: repr(utf8(s)),
    "Python ascii": ascii,
    "percent, everything reserved": lambda s: quote(s, safe=""),
    "percent, slash kept": quote,
    "percent, form": quote_plus,
    "percent, lower-case digits": lambda s: re.sub("%..", lambda m: m[0].lower(), quote(s, safe="")),
    "percent, every byte": lambda s: every("%%%02X", s),
    "HTML": html.escape,
    "XML": lambda s: s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    "SQL string": lambda s: "'" + s.replace("'", "''") + "'",
    "CSV field": lambda s: '"' + s.replace('"', '""') + '"',
    "shell, single quotes": shlex.quote,
    "shell, double quotes": lambda s: '"' + re.sub(r'([$`"\\])', r"\\\1", s) + '"',
    "shell, backslashes": lambda s: re.sub(r"""([ !"#$&'()*;<>?\[\\\]^`{|}~])""", r"\\\1", s),
    "regular expression": re.escape,
    "dollars doubled": lambda s: s.replace("$", "$$"),
    "base64": b64,
    "base64, one byte in front": lambda s: b64("a" + s),
    "base64, two in front, one behind": lambda s: b64(f"ab{s}c"),
    "base64, URL alphabet": lambda s: base64.urlsafe_b64encode(utf8(s)).decode(),
    "base64, no padding": lambda s: b64(s).rstrip("="),
    "base64, padding in percent": lambda s: b64(s + "x").replace("=", "%3D"),
    "Basic authentication": lambda s: "Authorization: Basic " + b64("user:" + s),
    "hexadecimal": lambda s: utf8(s).hex(),
    "hexadecimal, upper case": lambda s: utf8(s).hex().upper(),
    "UTF-16 read as Latin-1": lambda s: s.encode("utf-16-le").decode("latin-1"),
    "UTF-8 read as Latin-1": lambda s: utf8(s).decode("latin-1"),
    "Unicode NFD": lambda s: unicodedata.normalize("NFD", s),
}
DECODED: dict[str, Transformation] = {
    "JSON four deep": lambda s: json.dumps(json.dumps(json.dumps(json.dumps(s)))),
    "repr of repr": lambda s: repr(repr(s)),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "percent three times": lambda s: quote(quote(quote(s, safe=""), safe=""), safe=""),
    "percent, some bytes": lambda s: "".join(
        f"%{b:02x}" if i % 2 or b > 126 else chr(b) for i, b in enumerate(utf8(s))
    ),
    "percent of JSON": lambda s: quote(json.dumps({"a": s}), safe=""),
    "JSON of percent": lambda s: json.dumps(quote(s)),
    "HTML of JSON": lambda s: html.escape(json.dumps(s)),
    "HTML twice": lambda s: html.escape(html.escape(s)),
    "entities, decimal": lambda s: every("&#%d;", s, units=False),
    "entities, hexadecimal": lambda s: every("&#x%X;", s, units=False),
    "entities, leading zeros": lambda s: every("&#%07d;", s, units=False),
    r"\uXXXX throughout": lambda s: every("\\u%04x", s, units=False),
    r"\xHH throughout": lambda s: every("\\x%02x", s),
    r"\ooo throughout": lambda s: every("\\%03o", s),
    r"\u{X} throughout": lambda s: every("\\u{%x}", s, units=False),
    r"%uXXXX": lambda s: "".join(c if c.isascii() and c.isalnum() else f"%u{ord(c):04x}" for c in s),
    "shell, pieces side by side": lambda s: f"'{s[:5]}'\"{s[5:]}\"",
    "quotes between all characters": "''".join,
    "terminal colours inside": lambda s: f"{s[:4]}\x1b[31m{s[4:9]}\x1b[0m{s[9:]}",
    "terminal link inside": lambda s: f"{s[:3]}\x1b]8;;http://x\x07{s[3:]}",
    "zero-width characters": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "overstruck": lambda s: "".join(f"{c}\b{c}" for c in s),
    "hexadecimal, mixed case": lambda s: "".join(c.upper() if i % 2 else c for i, c in enumerate(utf8(s).hex())),
    "hexadecimal, colons": lambda s: utf8(s).hex(":"),
    "hexadecimal, blanks": lambda s: utf8(s).hex(" "),
    "hexadecimal, 0x and commas": lambda s: ", ".join(f"0x{b:02x}" for b in utf8(s)),
    "hexadecimal, odd start": lambda s: f"a{utf8(s).hex()}b",
    "hexadecimal, wrapped": lambda s: "\n".join(textwrap.wrap(utf8(s).hex(), 20)),
    "list of byte values": lambda s: str(list(utf8(s))),
    "xxd": rows_of_xxd,
    "base64, 76 columns": lambda s: wrapped(s, 76),
    "base64, 20 columns": lambda s: wrapped(s, 20),
    "base64, CRLF": lambda s: wrapped(s, 64, "\r\n"),
    "base64, indented": lambda s: wrapped(s, 60, "\n", "    "),
    "base64, wrapped, in JSON": lambda s: json.dumps(wrapped(s, 60)),
    "base64, in percent": lambda s: quote(b64(s + "??>>"), safe=""),
    "base64 twice": lambda s: b64(b64(s)),
    "base64 three times": lambda s: b64(b64(b64(s))),
    "base64 of UTF-16": lambda s: base64.b64encode(s.encode("utf-16-le")).decode(),
    "base64 of JSON, as in a JWT": lambda s: (
        base64.urlsafe_b64encode(json.dumps({"k": s}).encode()).decode().rstrip("=")
    ),
    "base64 of percent": lambda s: b64(quote(s, safe="")),
    "base64 of hexadecimal": lambda s: b64(utf8(s).hex()),
    "hexadecimal of base64": lambda s: b64(s).encode().hex(),
    "wrapped at 10 columns": lambda s: "\n".join(s[i : i + 10] for i in range(0, len(s), 10)),
    "form data": lambda s: urlencode({"p": s}),
}
UNUSUAL: dict[str, Transformation] = {
    "base32": lambda s: base64.b32encode(utf8(s)).decode(),
    "base85": lambda s: base64.b85encode(utf8(s)).decode(),
    "quoted-printable": lambda s: quopri.encodestring(utf8(s)).decode(),
    "rot13": lambda s: codecs.encode(s, "rot13"),
    "reversed": lambda s: s[::-1],
    "case swapped": str.swapcase,
    "a dash between all characters": "-".join,
    "gzip in base64": lambda s: base64.b64encode(gzip.compress(utf8(s))).decode(),
    "zlib in base64": lambda s: base64.b64encode(zlib.compress(utf8(s))).decode(),
    "two dashes between all characters": "--".join,
    "every other character": lambda s: s[::2],
    "sorted characters": lambda s: "".join(sorted(s)),
    "base64 of the reversed": lambda s: b64(s[::-1]),
    "XOR with 1": lambda s: bytes(b ^ 1 for b in utf8(s)).decode("latin-1"),
}
PROGRAMS: dict[str, list[str]] = {
    "base64": ["base64"],
    "base32": ["base32"],
    "bash: printf %q": ["bash", "-c", 'IFS= read -r v; printf %q "$v"'],
    "bash: ${v@Q}": ["bash", "-c", 'IFS= read -r v; printf %s "${v@Q}"'],
    "bash -x": ["bash", "-c", 'IFS= read -r v; set -x; : "$v"'],
    "dash -x": ["dash", "-c", 'IFS= read -r v; set -x; : "$v"'],
    "od -t x1": ["od", "-t", "x1"],
    "hexdump -C": ["hexdump", "-C"],
    "xxd": ["xxd"],
    "xxd -p": ["xxd", "-p"],
    "xxd -i": ["xxd", "-i"],
    "openssl enc -base64": ["openssl", "enc", "-base64"],
    "jq -R .": ["jq", "-R", "."],
    "jq -R @uri": ["jq", "-R", "@uri"],
    "jq -R @sh": ["jq", "-R", "@sh"],
    "jq -R @html": ["jq", "-R", "@html"],
    "jq -R @base64": ["jq", "-R", "@base64"],
    "node: util.inspect": ["node", "-e", "console.log([require('fs').readFileSync(0,'utf8')])"],
    "node: encodeURIComponent": ["node", "-e", "console.log(encodeURIComponent(require('fs').readFileSync(0,'utf8')))"],
    "node: JSON twice": [
        "node",
        "-e",
        "s=require('fs').readFileSync(0,'utf8');console.log(JSON.stringify(JSON.stringify(s)))",
    ],
    "node: Buffer": ["node", "-e", "console.log(JSON.stringify(require('fs').readFileSync(0)))"],
}


def program(command: list[str]) -> Transformation:
    def run(value: str) -> str:
        done = subprocess.run(command, input=utf8(value), capture_output=True, timeout=20, check=False)  # noqa: S603
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    return run


def leftover(transformed: str, shown: str, other: str) -> bool:
    """Tell whether eight characters of the transformed value are shown that another value would not show."""
    grams = {transformed[at : at + 8] for at in range(len(transformed) - 7)}
    return any(gram in shown and gram not in other for gram in grams)


def is_covered(transform: Transformation, value: str, other: str, redact: Callable[[str], str]) -> bool:
    text = f"log: {transform(value)} end.\n"
    shown = redact(text)
    return shown != text and not leftover(transform(value), shown, transform(other))


def ways(value: str) -> dict[str, Callable[[str], str]]:
    """The ways to redact that the table compares."""

    def streamed(mode: str) -> Callable[[str], str]:
        def redact(text: str) -> str:
            stream = Redactor({"value": value}).stream(mode)  # type: ignore[arg-type]
            return "".join([stream.feed(char) for char in text]) + str(stream.close())

        return redact

    return {
        "strict": Redactor({"value": value}).text,
        "line stream": streamed("line"),
        "eager stream": streamed("eager"),
        "fast": Redactor({"value": value}, views="fast").text,
        "deep": Redactor({"value": value}, views="deep").text,
    }


def verdicts(transform: Transformation) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value, other in VALUES:
        for way, redact in ways(value).items():
            counts[way] = counts.get(way, 0) + is_covered(transform, value, other, redact)
    return counts


def table(transformations: dict[str, Transformation]) -> list[str]:
    lines = ["| transformation | strict | line stream | eager stream | fast | deep |", "|---|---|---|---|---|---|"]
    for name, transform in transformations.items():
        counts = verdicts(transform)
        cells = ("all" if n == len(VALUES) else "none" if not n else f"{n} of {len(VALUES)}" for n in counts.values())
        lines.append(f"| {name.replace('|', chr(92) + '|')} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    here = {name: program(command) for name, command in PROGRAMS.items() if shutil.which(command[0])}
    print("# Evasions\n")
    print(
        "Made by `python benchmarks/evasions.py`. "
        + " ".join((__doc__ or "").split("\n\n")[1].split(". ", 1)[1].split())
    )
    print(
        "\n*Strict* is the default for whole texts. *Line stream* and *eager stream* were fed one character at a time."
    )
    for title, transformations in (
        ("Literal forms: guaranteed everywhere", LITERAL),
        ("Decoded views: guaranteed for whole texts and complete lines", DECODED),
        ("Unusual transformations: best effort of the deep views, and what nothing covers", UNUSUAL),
        ("Real programs, fed by standard input", here),
    ):
        print(f"\n## {title}\n")
        print("\n".join(table(transformations)))
    missing = sorted({command[0] for command in PROGRAMS.values() if not shutil.which(command[0])})
    print(f"\nPrograms that were not installed: {', '.join(missing) or 'none'}.")


if __name__ == "__main__":
    main()
