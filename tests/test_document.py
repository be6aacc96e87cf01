"""Paths into values that are JSON."""

import pytest

from secretref._document import MISSING, child, extract


@pytest.mark.parametrize(
    ("text", "steps", "expected", "is_json"),
    [
        ('{"a": "x"}', ("a",), "x", False),
        ('{"a": 1.10}', ("a",), "1.10", True),
        ('{"a": 1E+2, "b": []}', (None,), '{"a":1E+2,"b":[]}', True),
        ('[ {}, [1 , "é\\u0000"], true, null ]', (None,), '[{},[1,"é\\u0000"],true,null]', True),
        ('{"a": {"b": [0, {"c": false}]}}', ("a", "b", 1, "c"), "false", True),
        ('{"a": {"b": 1}}', ("a", None), '{"b":1}', True),
        ('{"a": "[1, 2]"}', ("a", None, 1), "2", True),
        ('{"a": 5}', ("a", None), "5", True),
        ('"text"', (None,), "text", False),
        ('{"": "x"}', ("",), "x", False),
        ('{"$": "x"}', ("$",), "x", False),
        ("1" * 500, (None,), "1" * 500, True),
        ('{"a": 1e400, "b": 1e-400}', ("b",), "1e-400", True),
    ],
)
def test_what_a_path_leads_to(text, steps, expected, is_json):
    assert extract(text, steps) == (expected, is_json)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("plain", (None,)),
        ("", (None,)),
        ("0042", (None,)),
        ("{'a': 1}", ("a",)),
        ('{"a": 1} x', ("a",)),
        ('\ufeff{"a": 1}', ("a",)),
        ('{"a": NaN}', ("a",)),
        ('{"a": NaN}', (None,)),
        ("[Infinity]", (0,)),
        ('{"a": [1e400]}', (None,)),
        ('{"a": [-1e400]}', ("a", 0)),
        ('{"a": 1}', ("b",)),
        ('{"a": 1}', (0,)),
        ("[1]", (1,)),
        ("[1]", ("0",)),
        ('{"a": "text"}', ("a", None)),
        ('{"a": "text"}', ("a", 0)),
        ('{"a": 55}', ("a", 0)),
        ("[" * 100_000, (0,)),
        ("[" * 300 + "]" * 300, (None,)),
        ("1" * 5_000, (None,)),
    ],
)
def test_a_path_that_leads_nowhere(text, steps):
    assert extract(text, steps) is None


def test_what_was_found_does_not_show():
    assert "pinetree" not in repr(extract('{"a": "pinetree"}', ("a",)))


def test_one_step():
    assert child({"a": None}, "a") is None
    assert child((1, 2), 1) == 2
    assert child("text", 0) is MISSING
    assert child(None, "a") is MISSING
