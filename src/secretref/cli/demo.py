"""``secretref demo``: run the USPS example, then search all that it wrote for the user id."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote_plus

import typer

from secretref._edge import FINDINGS, OK
from secretref.cli._console import Json, console, print_json
from secretref.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from secretref.cli._stage import Act, Searched, Stage

commands = typer.Typer()
PRICE = "82.10"
_LONG = 160  # characters of an error that are shown as they are


@commands.command()
def demo(
    records: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep records and log in this new folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a parcel: a user id goes over the wire and nowhere else.

    Runs a workflow against a stand-in for the post office on loopback, with a user id made up for this run; then
    with a wrong one, for a caller who sends a reference, and for a subject without a grant. Searches all that was
    written, printed or raised for the user ids.

    Exit code: 0 all as it should be, 1 otherwise.
    """
    if records is not None and records.exists():
        raise typer.BadParameter(f"{printable(str(records))} exists already", param_hint="--records")
    from secretref.cli._stage import Stage

    with TemporaryDirectory(prefix="secretref-demo-") as scratch:
        stage = Stage(records or Path(scratch))
        acts = stage.play()
        screen = _screen(as_json)
        if not as_json:
            _show(screen, stage, acts)
        searched = stage.search(acts, "" if as_json else screen.export_text(clear=False))
    *places, wire = searched
    good = acts[0].price == PRICE and not any(place.hits for place in places) and wire.hits > 0 and _as_meant(acts)
    if as_json:
        print_json(_told(acts, stage, searched, good=good))
    else:
        _show_search(screen, stage, searched, good=good)
    raise typer.Exit(OK if good else FINDINGS)


def _as_meant(acts: list[Act]) -> bool:
    """Tell whether the three runs that try something went as they must."""
    _, wrong, pried, denied = acts
    failed = bool(wrong.error) and not wrong.price
    told = not pried.error and pried.events.get("reference_in_data", 0) > 0
    return failed and told and bool(denied.error) and denied.fetches == 0 and not denied.wire


def _screen(quiet: bool) -> Console:
    return console(record=True, quiet=quiet, soft_wrap=False)


def _show(screen: Console, stage: Stage, acts: list[Act]) -> None:
    """Show one task three times: as defined, as sent, as recorded; then how the runs ended."""
    from rich.rule import Rule

    delivered = acts[0]
    record = json.loads((stage.folder / delivered.key / "02-get_rate.1.json").read_text(encoding="utf-8"))
    sent = next(request for request in delivered.wire if request.startswith("GET"))
    screen.print(Rule("secretref demo: 20 pounds from 04046 to 98260", style="cyan"))
    _step(screen, "1 The definition says", _uri(stage.definition()["tasks"][1]["inputParameters"]))
    _step(screen, "2 On the wire, decoded and masked for this screen", unquote_plus(stage.masked(sent)))
    _step(screen, "3 The record keeps: the input by reference", _uri(record["input"]))
    _step(screen, "  and the output, searched for the value", record["output"]["response"]["body"], tail=True)
    _step(screen, "4 The price", f"${delivered.price}")
    _show_runs(screen, acts)


def _uri(inputs: Any) -> str:
    return str(inputs["http_request"]["uri"])


def _step(screen: Console, title: str, text: str, *, tail: bool = False) -> None:
    """Print a title and two lines of *text*; it is cut after redaction, never before."""
    from rich.text import Text

    width = screen.width - 4
    text = printable(" ".join(text.removesuffix(" HTTP/1.1\n").split()))
    room = 2 * width
    cut = text if len(text) <= room else f"…{text[1 - room :]}" if tail else f"{text[: room - 1]}…"
    shown = Text(cut)
    shown.highlight_regex(r"\$\{workflow\.secrets\.\w+\}", "bold yellow")
    shown.highlight_regex(r"\*\*\*", "bold green")
    shown.highlight_regex(r"(?<=<Rate>)[\d.]+|^\$[\d.]+$", "bold magenta")
    screen.print(Text(title, style="bold"))
    for line in shown.divide(range(width, len(cut), width)):
        screen.print(Text("    ") + line, no_wrap=True)


def _show_runs(screen: Console, acts: list[Act]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    titles = {
        "delivered": "as defined",
        "wrong-user-id": "wrong user id, shown in the refusal",
        "reference-in-data": "the caller's street is a reference",
        "denied": "a subject without a grant",
    }
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("5 Four runs", ratio=2)
    table.add_column("outcome", ratio=4, overflow="fold")
    table.add_column("fetches", justify="right")
    table.add_column("requests", justify="right")
    for act in acts:
        outcome = Text(_excerpt(printable(act.error)), "red") if act.error else Text(f"${act.price}", "bold magenta")
        if act.events.get("reference_in_data"):
            outcome.append("; it was sent as text, and the audit has an event", "none")
        outcome.highlight_regex(r"\*\*\*", "bold green")
        table.add_row(titles[act.key], outcome, str(act.fetches), str(len(act.wire)))
    screen.print(table)


def _excerpt(text: str, *, head: int = 48, around: int = 24) -> str:
    """Shorten a long redacted text to its beginning and what stands around each mark."""
    if len(text) <= _LONG:
        return text
    marks = (match.start() for match in re.finditer(r"\*\*\*", text[head:]))
    parts = [text[max(head, head + at - around) : head + at + around] for at in marks]
    return " … ".join([text[:head].rpartition(" ")[0], *parts])


def _show_search(screen: Console, stage: Stage, searched: list[Searched], *, good: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("6 Searched for both user ids", ratio=1)
    for column in ("pieces", "bytes", "literal forms", "decoded"):
        table.add_column(column, justify="right")
    for place in searched:
        wire = place is searched[-1]
        style = "cyan" if wire else "red" if place.hits else "green"
        where = f"{place.where} (must be found)" if wire else place.where
        table.add_row(
            where,
            str(place.texts),
            f"{place.bytes:,}",
            Text(str(place.literal), style),
            Text(str(place.decoded), style),
        )
    screen.print(table)
    leaks = sum(place.hits for place in searched[:-1])
    total = sum(place.bytes for place in searched[:-1])
    how = f"looked for in {stage.forms} literal forms and by decoding three layers deep"
    verdict = f"{leaks} leaks in {total:,} bytes, {how}."
    screen.print(Text(verdict, style="bold green" if good else "bold red"))


def _told(acts: list[Act], stage: Stage, searched: list[Searched], *, good: bool) -> dict[str, Any]:
    runs = {
        act.key: {
            "price": act.price or None,
            "error": act.error or None,
            "fetches": act.fetches,
            "requests": len(act.wire),
            "audit": act.events,
        }
        for act in acts
    }
    return {
        "good": good,
        "price": acts[0].price,
        "runs": runs,
        "forms": stage.forms,
        "searched": [asdict(place) for place in searched],
    }
