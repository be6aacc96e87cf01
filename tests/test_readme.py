"""The README's code runs, offline, block after block as one program; what it says about files and output is true."""

import re
from pathlib import Path

import pytest

from secretref import Template
from secretref.errors import TemplateSyntaxError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    (match.start(), match[1]) for match in re.finditer(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
]


def line_of(offset):
    return README.count("\n", 0, offset) + 1


@pytest.fixture(scope="module")
def printed():
    """Run all blocks in one namespace, each numbered as it stands in the file; return what the first one prints."""
    lines = []
    namespace = {"print": lambda *values, sep=" ": lines.append(sep.join(map(str, values)))}
    for offset, code in BLOCKS:
        exec(compile("\n" * line_of(offset) + code, "README.md", "exec"), namespace)
    return "\n".join(lines)


def test_every_block_runs(printed):
    assert len(BLOCKS) >= 5
    assert printed


def test_the_table_shows_what_the_first_block_prints(printed):
    got, recorded, output = printed.split("\n")
    assert f"| `{got}` | input `{recorded}` |" in README
    assert f"| | output `{output}` |" in README


def test_the_first_block_is_a_dozen_lines():
    assert len([line for line in BLOCKS[0][1].splitlines() if line.strip()]) <= 12


def test_the_commands_are_the_ones_that_are_run():
    test_command = "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest"
    main_command = "python3 -m venv .venv && .venv/bin/pip install '.[cli]' && .venv/bin/secretref demo"
    assert f"{test_command} " in README
    assert f"{main_command} " in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert test_command in script.replace("install -q", "install")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)", README))))
def test_links_lead_somewhere(target):
    assert (ROOT / target).exists()


def test_the_architecture_page_shows_the_floors_that_are_enforced():
    from test_architecture import FLOORS

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", page, re.MULTILINE)
    assert {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)} == FLOORS


PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
NEAR_MISSES = [
    (code, text)
    for code, examples in re.findall(r"^\| `([\w-]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    for text in re.findall(r"`(.+?)`", examples)
]


@pytest.mark.parametrize(("code", "text"), NEAR_MISSES)
def test_near_misses_have_the_code_the_language_page_gives_them(code, text):
    with pytest.raises(TemplateSyntaxError) as failed:
        Template.compile(text)
    assert [fault.reason for fault in failed.value.faults] == [code]
