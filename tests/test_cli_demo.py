"""``secretref demo``: what it shows, what it searches, and that it would notice."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secretref.cli import demo as command
from secretref.cli._stage import Searched, Stage

pytest_plugins = ["cli_runner"]

SECRETREF = Path(sys.executable).with_name("secretref")


def test_the_demo_shows_the_price_the_reference_and_no_leak(cli):
    run = cli("demo")
    assert run.code == 0
    assert "$82.10" in run.out
    assert "${workflow.secrets.post_office_username}" in "".join(run.out.split())
    assert "USERID=***" in run.out
    assert "Username *** is incorrect" in " ".join(run.out.split())
    assert re.search(r"\b0 leaks in [\d,]+ bytes, looked for in \d+ literal forms", run.out)


def test_the_demo_tells_programs_what_it_did_and_searched(cli):
    told = json.loads(cli("demo", "--json").out)
    searched = {place["where"]: place for place in told["searched"]}
    assert told["good"]
    assert told["price"] == "82.10"
    assert told["forms"] > 10
    assert told["runs"]["wrong-user-id"]["price"] is None
    assert told["runs"]["reference-in-data"]["audit"]["reference_in_data"] == 1
    assert (told["runs"]["denied"]["fetches"], told["runs"]["denied"]["requests"]) == (0, 0)
    assert searched["records"]["texts"] == 9
    assert searched["log, all levels"]["bytes"] > 1000
    assert searched["the wire"]["literal"] == searched["the wire"]["decoded"] == 7
    assert all(place["literal"] == place["decoded"] == 0 for where, place in searched.items() if where != "the wire")


def test_the_demo_keeps_its_records_where_it_is_told(cli, tmp_path):
    folder = tmp_path / "kept"
    assert cli("demo", "--records", folder, "--json").code == 0
    assert len(list(folder.rglob("*.json"))) == 9
    run = cli("demo", "--records", folder)
    assert run.code == 2
    assert "exists already" in run.err


@pytest.mark.parametrize("form", ["plain", "percent", "base64"])
def test_the_search_finds_a_user_id_that_got_into_a_record(tmp_path, form):
    from base64 import b64encode
    from urllib.parse import quote

    stage = Stage(tmp_path)
    write = {
        "plain": str,
        "percent": lambda text: quote(text, safe=""),
        "base64": lambda text: b64encode(text.encode()).decode(),
    }
    (tmp_path / "record.json").write_text(write[form](stage._right))
    places = {place.where: place for place in stage.search([], "")}
    assert places["records"].literal
    assert places["records"].decoded
    assert not places["tracebacks"].hits


def test_a_leak_is_a_failure(cli, monkeypatch):
    leak = Searched("records", 1, 10, 1, 0)
    monkeypatch.setattr(Stage, "search", lambda *_: [leak, Searched("the wire", 1, 10, 1, 1)])
    run = cli("demo")
    assert run.code == 1
    assert "1 leaks in 10 bytes" in run.out


def test_long_errors_are_shortened_around_their_marks():
    text = f"{'a ' * 100}*** b"
    shown = command._excerpt(text)
    assert len(shown) < 100
    assert shown.endswith("*** b")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_demo_runs_anywhere_narrow_and_without_colour(tmp_path, encoding):
    environment = {**os.environ, "COLUMNS": "50", "NO_COLOR": "1", "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [SECRETREF, "demo"], capture_output=True, cwd=tmp_path, env=environment, timeout=60, check=True
    )
    assert b"\x1b" not in done.stdout
    assert encoding == "ascii" or max(len(line.rstrip()) for line in done.stdout.decode().splitlines()) <= 50
    assert list(tmp_path.iterdir()) == []
