"""The well-known .env file."""

from contextlib import suppress

import pytest
from pydantic import SecretStr

from secretref.errors import ProviderError
from secretref.providers import load
from secretref.providers.dotenv import DotenvProvider, parse_dotenv
from secretref.providers.files import Refused
from secretref.testing import ProviderContract, assert_no_leak, canary


def quoted(value):
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        path = tmp_path / ".env"
        path.write_bytes("".join(f"{name}={quoted(value)}\n" for name, value in values.items()).encode())
        return DotenvProvider(path)

    def broken(self, values, tmp_path):
        path = tmp_path / ".env"
        path.write_text("".join(f"{name}='{value}\n" for name, value in values.items()))
        return DotenvProvider(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing\n\n  # more\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\r\nC=3\rD=4", {"A": "1", "B": "2", "C": "3", "D": "4"}),
        ("  A = x y \t\n", {"A": "x y"}),
        ("A=", {"A": ""}),
        ("A= # comment", {"A": ""}),
        ("A=#no-comment", {"A": "#no-comment"}),
        ("A=x#y # z # w", {"A": "x#y"}),
        ("export A=1\nexport\tB=2\nexport=3\n", {"A": "1", "B": "2", "export": "3"}),
        ("A='x # y' # z", {"A": "x # y"}),
        ("A='it\\'s \\n \\\\'", {"A": "it's \\n \\"}),
        ('A="a\\tb\\nc\\"d\\\\n\\q"', {"A": 'a\tb\nc"d\\n\\q'}),
        ('A="one\ntwo\r\nthree"\nB=x', {"A": "one\ntwo\r\nthree", "B": "x"}),
        ("A='one\n#two\nB=three'", {"A": "one\n#two\nB=three"}),
        ("A=it's", {"A": "it's"}),
        ("A=$HOME\nB=\"${A}\"\nC='$(id)'", {"A": "$HOME", "B": "${A}", "C": "$(id)"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=a=b", {"A": "a=b"}),
        ("a.b-c=1", {"a.b-c": "1"}),
        ('A="x"#y', {"A": "x"}),
    ],
)
def test_it_reads_what_others_read(text, expected):
    assert parse_dotenv(text) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A", 1),
        ("A=1\n\nB C=2", 3),
        ("A=1\nB='open\nC=3\n", 2),
        ('A="open', 1),
        ("A='x'y", 1),
        ("=x", 1),
        ("\ufeffA=1", 1),
        ("export A", 1),
    ],
)
def test_a_malformed_line_is_named_by_its_number(text, line):
    with pytest.raises(Refused, match=f"^line {line} is malformed$"):
        parse_dotenv(text)


def test_a_fault_shows_nothing_of_the_file(tmp_path):
    value = canary("special")
    (tmp_path / ".env").write_text(f"A=1\n{value}\n")
    with pytest.raises(ProviderError, match="line 2 is malformed") as caught:
        load(f"dotenv://{tmp_path}/.env").fetch(frozenset("A"))
    assert_no_leak(caught.value, value)


def test_the_default_is_the_file_where_the_process_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("A=1")
    assert load("dotenv").fetch(frozenset("AB")) == {"A": SecretStr("1")}


@pytest.mark.parametrize("bytes_", [b"A=\xff", b"A=" + b"x" * 100])
def test_what_is_no_text_or_too_long_is_refused(tmp_path, bytes_):
    (tmp_path / "e").write_bytes(bytes_)
    with pytest.raises(ProviderError):
        DotenvProvider(tmp_path / "e", max_bytes=50).fetch(frozenset("A"))


@pytest.mark.parametrize("piece", ["#", " ", "\\", "'", '"', "A=' ", 'A="\\', "A= ", "export ", "A=1\n", "A" * 3])
def test_hostile_text_comes_to_an_end(piece):
    """A megabyte of it: anything but linear time would take hours."""
    with suppress(Refused):
        parse_dotenv(piece * (1_000_000 // len(piece)))
