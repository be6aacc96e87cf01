"""Text to expressions: cut out what balanced brackets enclose, let the grammar read it, name what is wrong.

The plan, linear in the text whatever it holds:

1. ``scan`` visits each opener, ``${`` or ``$<``, from left to right, and finds the bracket that closes it.
2. The grammar of ``template.lark`` says what stands between them; each distinct expression is parsed once.
3. What the grammar refuses, or takes for something foreign although it all but says ``workflow.secrets``, is a flaw.

What is foreign and unclosed or blank is text, as in Conductor.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Lark

__all__ = ["MOST_FLAWS", "Expression", "Flaw", "Item", "Kind", "Step", "datum", "scan"]

Step: TypeAlias = "str | int | None"  # a field, an index, or None for ``.$``, the document itself

_NAMESPACE: Final = "workflow.secrets."  # for saying what is wrong; what is right the grammar says
LONGEST: Final = 4_096  # characters of a reference, path included
MOST_FLAWS: Final = 1_000  # in one text; whoever has more has seen enough
_REMEMBERED: Final = 512  # characters of an expression worth keeping parsed

_OPENER: Final = re.compile(r"\$[{<]")
_BRACE: Final = re.compile(r"\$\{|[{}]")
_JOINTS: Final = "\u00ad\u200b-\u200f\u2060\ufeff"  # invisible inside a word
_HEAD: Final = (
    re.compile(  # the first two words after an opener; as it never passes a "$", all matches together are linear
        rf"[^\w$}}>]*+(?:\$[^\w${{}}<>]++)?([\w{_JOINTS}-]++)[^\w$}}>]{{1,8}}+([\w{_JOINTS}-]++)"
    )
)
_REACH: Final = re.compile(r"[^$}>]*+(?:\$[^${}<>][^$}>]*+)?")  # how far these words can be, whatever hides in them
_BLANKS: Final = re.compile(r"\s++")
_HIDDEN: Final = re.compile(r"(?:[^\w\s!-~]|[\u115f\u1160\u3164\uffa0])++")  # marks, controls, fillers, …: no letters
_DIRT: Final = re.compile(r"[^\w!-~]|[\u115f\u1160\u3164\uffa0]")  # any of both
_RUN: Final = re.compile(r"\s*+[\w.\[\]'-]*+")  # how far an unclosed reference can have been meant to go
_OUTSIDE: Final = re.compile(r'["<\r\n]')  # one of these inside the brackets: they close something else
_QUOTED: Final = re.compile(r'\["[^"<>{}\r\n]*+"\]')  # but this is a step in the wrong quotes

_FIXES: Final = {
    "bad-name": "a name of letters, digits, '_' and '-', at most 255 of them",
    "bad-path": "a path of .field, [0], ['text'] or .$",
    "computed": "the name itself: a name cannot be computed",
    "key": "a value: a mapping key cannot hold a secret",
    "mixed": "the closing bracket that belongs to the opening one: ${…} or $<…>",
    "namespace": "the namespace exactly so: workflow.secrets.",
    "nested": "the secret reference on its own: it cannot stand inside another expression",
    "no-name": "a name after workflow.secrets.",
    "too-long": f"a name of at most 255 characters, and at most {LONGEST} with its path",
    "unclosed": "a closing bracket: ${…} or $<…>",
    "white-space": "no white space inside the brackets",
}


class Kind(Enum):
    """What an expression is."""

    SECRET = 1
    FOREIGN = 2
    ESCAPED_SECRET = 3
    ESCAPED_FOREIGN = 4

    __hash__ = object.__hash__  # Enum's own is slow, and members are compared by identity anyway


_OURS: Final = frozenset({Kind.SECRET, Kind.ESCAPED_SECRET})


class Expression:
    """One parsed expression. It is compared by identity: equal texts usually share one."""

    __slots__ = ("innocent", "kind", "name", "steps", "text")

    def __init__(self, text: str, kind: Kind, name: str = "", steps: tuple[Step, ...] = ()) -> None:
        self.text = text
        self.kind = kind
        self.name = name
        self.steps = steps
        self.innocent = kind is Kind.SECRET or (
            kind is Kind.FOREIGN and not _looks_secret(text, 2) and not text[2:-1].isspace() and len(text) > 3
        )


class Item(NamedTuple):
    """An expression and the range of characters where it stands, the escaping dollar included."""

    start: int
    end: int
    expression: Expression


class Flaw(NamedTuple):
    """Something wrong in a range of characters."""

    start: int
    end: int
    reason: str

    @property
    def expected(self) -> str:
        """What should stand there."""
        return _FIXES[self.reason]


def scan(text: str, most: int) -> tuple[list[Item], list[Flaw]]:
    """Find the expressions of *text*, escaped ones among them, and what is wrong with it, both in order.

    It stops where there are more than *most* expressions.
    """
    if text.count("$") == 1 and (start := text.find("${")) >= 0:  # most strings: one expression, not escaped
        end = text.find("}", start) + 1
        if 0 < end - start <= LONGEST and text.find("{", start + 2, end) < 0:
            only = _read(text[start:end])
            if only.innocent:
                return [Item(start, end, only)], []
    items: list[Item] = []
    flaws: list[Flaw] = []
    end_of = _closer(text)
    done = watched = 0  # where the last expression ends; the same if it is foreign
    swallowed = False  # as in Conductor, an unclosed foreign opener takes the foreign rest with it
    for match in _OPENER.finditer(text):
        if len(flaws) >= MOST_FLAWS or len(items) > most:
            break
        start = match.start()
        escaped = start > 0 and text[start - 1] == "$"
        braced = text[start + 1] == "{"
        if start < done:
            if start < watched and not escaped and _looks_secret(text, start + 2):
                flaws.append(Flaw(start, _run(text, start) + 1, "nested"))
            continue
        if not braced and not _looks_secret(text, start + 2):
            continue  # $<…> of any other kind is text
        end = end_of(start) if braced else text.find(">", start, start + LONGEST) + 1
        expression = _read(text[start - escaped : end]) if 0 < end - start <= LONGEST else None
        if expression is None or expression.kind not in _OURS or (escaped and not braced):
            if _looks_secret(text, start + 2) and (flaw := _flaw(text, start, end, escaped=escaped)):
                flaws.append(flaw)
                done = flaw.end
                continue
            if not end:
                swallowed = swallowed or not escaped
                continue
            expression = expression or _read(text[start - escaped : end])
        done = end
        foreign = expression.kind is Kind.FOREIGN
        watched = end if foreign else start
        if not (foreign and (swallowed or not text[start + 2 : end - 1].strip())):
            items.append(Item(start - escaped, end, expression))
    return items, flaws


@lru_cache(maxsize=8_192)
def datum(body: str) -> tuple[Step, ...] | None:
    """Read what a foreign expression says of a mapping, such as ``workflow.input.c``; None if it is no path."""
    tree = _parsed(body, "datum")
    return tree and (str(tree.children[0]), *map(_step, tree.children[1:]))


def _closer(text: str) -> Callable[[int], int]:
    """Return what finds the end of the expression that starts somewhere, 0 if it has none; ask from left to right."""
    ends: dict[int, int] | None = None

    def end_of(start: int) -> int:
        nonlocal ends
        if ends is None:
            close = text.find("}", start + 2)
            if close >= 0 > text.find("{", start + 2, close):
                return close + 1
            ends = _balanced(text) if close >= 0 else {}
        return ends.get(start, 0)

    return end_of


def _balanced(text: str) -> dict[int, int]:
    """Map each ``${`` to the end of its expression; every brace inside counts."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for match in _BRACE.finditer(text):
        brace = match[0]
        if brace == "${":
            stack.append(match.start())
        elif brace == "{" and stack:
            stack.append(-1)
        elif stack and (start := stack.pop()) >= 0:
            ends[start] = match.end()
    return ends


def _run(text: str, start: int) -> int:
    """Return where the reference that starts at *start* ends at the latest if nothing closes it."""
    match = _RUN.match(text, start + 2)
    return match.end() if match else start + 2


def _flaw(text: str, start: int, end: int, *, escaped: bool) -> Flaw | None:
    """Say what is wrong with what looks like a reference; an escape only needs to be closed."""
    run = _run(text, start)
    source = text[start:end] if end - start <= LONGEST else ""
    if source and not escaped and _read("".join(source.split())).kind is Kind.SECRET:
        return Flaw(start, end, "white-space")
    after = text[run : run + 1]
    quoting = source and text.count("'", start, run) % 2  # then no bracket was meant to close it
    if after and after in "}>" and run + 1 != end and not quoting:
        return Flaw(start, run + 1, "mixed")
    swallowing = escaped and source[1:2] == "<" and _OPENER.search(source, 2)  # only braces are balanced
    if source and not swallowing and not _OUTSIDE.search(_QUOTED.sub("", source), 3):
        return None if escaped else Flaw(start, end, _reason(source))
    if run + 1 == end:
        return Flaw(start, end, "too-long")
    return Flaw(start, run, "computed" if _OPENER.match(text, run) else "unclosed")


def _reason(source: str) -> str:
    body = source[2:-1]
    if not body.startswith(_NAMESPACE):
        return "namespace"
    rest = body[len(_NAMESPACE) :]
    name = re.split(r"[.\[]", rest, maxsplit=1)[0]
    if not name and not rest.startswith("["):
        return "no-name"
    if "{" in rest or "$<" in rest:
        return "computed"
    if _read(f"${{{_NAMESPACE}{name}}}").kind is Kind.SECRET:
        return "bad-path"
    return "too-long" if len(name) > 255 else "bad-name"


def _read(source: str) -> Expression:
    return _remembered(source) if len(source) <= _REMEMBERED else _parse(source)


def _parse(source: str) -> Expression:
    """Ask the grammar what *source* is; what it refuses is foreign."""
    found = _parsed(source, "start")
    escaped = source.startswith("$$")
    if escaped and found is not None:
        found = found.children[0]
    if found is not None and found.data == "secret":
        if escaped:
            return Expression(source, Kind.ESCAPED_SECRET)
        return Expression(source, Kind.SECRET, str(found.children[0]), tuple(map(_step, found.children[1:])))
    if escaped:  # nobody else reads $<…>, so its escape is always ours to undo
        return Expression(source, Kind.ESCAPED_FOREIGN if source[2] == "{" else Kind.ESCAPED_SECRET)
    return Expression(source, Kind.FOREIGN)


_remembered = lru_cache(maxsize=8_192)(_parse)


def _step(tree: Any) -> Step:
    if tree.data == "document":
        return None
    return int(tree.children[0]) if tree.data == "index" else str(tree.children[0])


def _parsed(text: str, start: str) -> Any:
    """Return the parse tree of *text*, or None; the parser's own error quotes the text and goes no further."""
    parser, refusal = _parser()
    try:
        return parser.parse(text, start=start)
    except refusal:
        return None


@cache
def _parser() -> tuple[Lark, type[Exception]]:
    from lark import Lark, UnexpectedInput  # noqa: PLC0415 - 50 ms, on first use

    return Lark.open("template.lark", rel_to=__file__, parser="lalr", start=["start", "datum"]), UnexpectedInput


def _looks_secret(text: str, at: int) -> bool:
    """Tell whether what follows an opener is the namespace, or was meant to be, whatever cannot be seen in it."""
    if _reads_secret(text, at):
        return True
    reach = _REACH.match(text, at)
    if reach is None or not _DIRT.search(reach[0]):
        return False
    seen = _HIDDEN.sub("", reach[0])
    return any(_reads_secret(_BLANKS.sub(blank, seen), 0) for blank in (" ", ""))


def _reads_secret(text: str, at: int) -> bool:
    match = _HEAD.match(text, at)
    return match is not None and len(match[1]) <= 40 and _near(match[1], match[2][:40])


@lru_cache(maxsize=8_192)
def _near(first: str, second: str) -> bool:
    first, second = _letters(first), _letters(second)
    return (second.startswith("secret") or _close(second, "secrets")) and _close(first, "workflow")


def _letters(word: str) -> str:
    """Fold case, compatibility forms and joints away, so that look-alikes meet."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", word).casefold()))


def _close(word: str, meant: str) -> bool:
    """Tell whether at most two slips of the pen (a letter lost, added, changed or swapped) lie between the words."""
    rows = [list(range(len(meant) + 1))]
    for i, letter in enumerate(word[: len(meant) + 3], 1):
        row = [i]
        for j, wanted in enumerate(meant, 1):
            slips = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == meant[j - 2] and wanted == word[i - 2]:
                slips = min(slips, rows[-2][j - 2] + 1)
            row.append(slips)
        rows.append(row)
    return rows[-1][-1] <= 2
