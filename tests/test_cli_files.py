"""Definition files: what is read, and where in the file a place stands."""

import sys

import pytest

from secretref.cli._files import Spot, UnreadableError, read_names, read_source
from secretref.errors import MissingExtraError


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


JSON_CASES = [
    ('"${x}"', "", (0, 4), (1, 2)),
    ('{"a": ["", {"b": "x ${y}"}]}', "/a/1/b", (2, 6), (1, 21)),
    ('{\n  "a/b~c": "${x}"\n}', "/a~1b~0c", (0, 4), (2, 13)),
    (r'{"a": "\u00e9\n\ud83d\ude00${x}"}', "/a", (3, 7), (1, 28)),
    ('{"a": {"k": 1, "l": [1, 2.5, true, null]}, "z": "${x}"}', "/z", (0, 4), (1, 50)),
    ('{"${x}": {"k": 1}}', "/${x}", (0, 4), (1, 3)),
    ('{"k": "v", "e": {}, "f": [], "z": "${x}"}', "/z", (0, 4), (1, 36)),
]


@pytest.mark.parametrize(("text", "place", "span", "spot"), JSON_CASES)
def test_a_json_place_is_found_in_the_file(file, text, place, span, spot):
    source = read_source(file("a.json", text))
    assert source.spot(place, span, "${") == Spot(*spot)
    line = text.splitlines()[spot[0] - 1]
    assert line[spot[1] - 1 :].startswith("${")


YAML_CASES = [
    ("a: ${x}\n", "/a", (0, 4), (1, 4)),
    ("a:\n  - b: 'x ${y}'\n", "/a/0/b", (2, 6), (2, 11)),
    ("a: &one ${x}\nb: *one\n", "/a", (0, 4), (1, 9)),
    ("${x}: 1\n", "/${x}", (0, 4), (1, 1)),
]


@pytest.mark.parametrize(("text", "place", "span", "spot"), YAML_CASES)
def test_a_yaml_place_is_found_in_the_file(file, text, place, span, spot):
    assert read_source(file("a.yaml", text)).spot(place, span, "${") == Spot(*spot)


def test_a_place_that_cannot_be_found_is_the_start_of_the_file(file):
    assert read_source(file("a.json", "{}")).spot("/nowhere", (0, 1), "$") == Spot(1, 1)


def test_yaml_scalars_are_read_as_text(file):
    assert read_source(file("a.yml", "a: 2020-01-01\nb: [yes, 1, ~]\n")).tree == {
        "a": "2020-01-01",
        "b": ["yes", "1", "~"],
    }


def test_yaml_aliases_do_not_multiply_the_work(file):
    lines = ["l0: &l0 [x, x]"] + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 60)]
    source = read_source(file("bomb.yaml", "\n".join(lines)))
    assert source.tree["l0"] == ["x", "x"]
    assert source.tree["l59"][1] is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", b"\xff", "not UTF-8"),
        ("a.json", "[" * 200_000, "nested too deeply"),
        ("a.yaml", "a: [", "not YAML"),
        ("a.yaml", "a: 1\n---\nb: 2\n", "not YAML"),
        ("a.yaml", "[" * 5_000 + "]" * 5_000, "nested too deeply"),
    ],
)
def test_an_unreadable_file_says_why_and_shows_none_of_it(file, name, content, said):
    with pytest.raises(UnreadableError, match=said):
        read_source(file(name, content))


def test_a_missing_file_is_unreadable():
    with pytest.raises(UnreadableError, match="No such file"):
        read_source("nowhere.json")


def test_names_come_from_a_list_lines_or_an_array(file):
    assert read_names("A, B,", definitions=False) == {"A", "B"}
    assert read_names(file("names.txt", "A\n# no name\n\n B \n"), definitions=False) == {"A", "B"}
    assert read_names(file("names.json", '["A", "B"]'), definitions=False) == {"A", "B"}
    with pytest.raises(UnreadableError, match="array of names"):
        read_names(file("definition.json", '{"a": "${workflow.secrets.A}"}'), definitions=False)


@pytest.mark.parametrize("given", ["nowhere.txt", "./names", "A,B.txt", "A B", "é", "x\x1b[2J"])
def test_what_is_neither_a_file_nor_names_is_said_so(given):
    with pytest.raises(UnreadableError, match="neither a file nor names"):
        read_names(given, definitions=False)


def test_where_a_file_is_expected_a_missing_one_is_no_name():
    with pytest.raises(UnreadableError, match="No such file"):
        read_names("nowhere", definitions=True)


@pytest.mark.parametrize("definitions", [False, True])
def test_a_file_of_something_else_holds_no_names(file, definitions):
    with pytest.raises(UnreadableError, match="a line is no name"):
        read_names(file("names.txt", "A\npassword = hunter2\n"), definitions=definitions)


def test_names_of_a_definition_are_those_it_refers_to(file):
    assert read_names(file("d.json", '{"a": "${workflow.secrets.A} $<workflow.secrets.B.c>"}'), definitions=True) == {
        "A",
        "B",
    }
    assert read_names(file("d.yaml", "a: ${workflow.secrets.A}\n"), definitions=True) == {"A"}


def test_without_a_yaml_parser_the_extra_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'secretref-workflow\[yaml\]'"):
        read_source(file("a.yaml", "a: 1\n"))
