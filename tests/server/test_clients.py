"""Unmodified clients from their registries: every call they have succeeds, and the published table says so."""

from pathlib import Path

import pytest
from compatibility import JAVASCRIPT_CLIENT, PYTHON_CLIENTS, javascript_calls, python_calls, table
from harness import running

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"


@pytest.fixture
def server(tmp_path):
    """One for each client, as some of their calls list everything."""
    tmp_path.chmod(0o700)
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def cache(pytestconfig):
    return pytestconfig.cache.mkdir("clients")


def documented(column):
    """What the published table says of one client: ``{call: outcome}``."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in DOCUMENT.read_text().splitlines()]
    start = next(index for index, cells in enumerate(lines) if column in cells)
    place, said = lines[start].index(column), {}
    for cells in lines[start + 2 :]:
        if not cells:
            break
        said[cells[0].strip("`")] = cells[place]
    return {call: outcome for call, outcome in said.items() if outcome != "–"}


@pytest.mark.parametrize("version", PYTHON_CLIENTS)
def test_conductor_python(server, cache, version):
    outcomes = python_calls(server, cache, version)
    had = {call: outcome for call, outcome in outcomes.items() if outcome != "absent"}
    assert len(had) >= 55
    assert set(had.values()) == {"ok"}, table({version: had})
    assert had == documented(f"conductor-python {version}")


@pytest.mark.npm
def test_conductor_javascript(server, cache):
    outcomes = javascript_calls(server, cache, JAVASCRIPT_CLIENT)
    assert len(outcomes) >= 60
    assert set(outcomes.values()) == {"ok"}, table({JAVASCRIPT_CLIENT: outcomes})
    assert outcomes == documented(f"conductor-javascript {JAVASCRIPT_CLIENT}")
