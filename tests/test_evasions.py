"""What the published table of evasions calls guaranteed is covered, row by row."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("evasions", ROOT / "benchmarks" / "evasions.py")
evasions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(evasions)
GUARANTEED = {**evasions.LITERAL, **evasions.DECODED}


def test_the_other_value_of_each_pair_is_as_long():
    assert [len(value.encode()) for value, _ in evasions.VALUES] == [
        len(other.encode()) for _, other in evasions.VALUES
    ]


@pytest.mark.parametrize("name", GUARANTEED)
@pytest.mark.parametrize("way", ["strict", "line stream"])
def test_a_guaranteed_transformation_leaves_nothing(name, way):
    for value, other in evasions.VALUES:
        assert evasions.is_covered(GUARANTEED[name], value, other, evasions.ways(value)[way])


@pytest.mark.parametrize("name", evasions.LITERAL)
def test_a_literal_form_is_found_in_eager_streams(name):
    for value, other in evasions.VALUES:
        assert evasions.is_covered(evasions.LITERAL[name], value, other, evasions.ways(value)["eager stream"])


def test_an_uncovered_transformation_is_told_from_a_covered_one():
    value, other = evasions.VALUES[0]
    assert not evasions.is_covered(evasions.UNUSUAL["XOR with 1"], value, other, evasions.ways(value)["strict"])


def test_the_published_table_has_a_row_for_each_transformation():
    rows = re.findall(r"^\| (.+?) \| (?:all|none|\d of)", (ROOT / "docs" / "evasions.md").read_text(), re.MULTILINE)
    assert set(GUARANTEED) | set(evasions.UNUSUAL) <= {row.replace(r"\|", "|") for row in rows}


FAST = re.findall(r"^\| (.+?) \|(?: [^|]+ \|){3} all \|", (ROOT / "docs" / "evasions.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", sorted({row.replace(r"\|", "|") for row in FAST} & set(GUARANTEED)))
def test_what_the_table_says_of_the_fast_views_is_so(name):
    for value, other in evasions.VALUES:
        assert evasions.is_covered(GUARANTEED[name], value, other, evasions.ways(value)["fast"])
