"""One file with many values, and a directory with one file for each."""

import json
import os
import socket
import sys

import pytest
from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import files, load
from secretref.providers.files import DirectoryProvider, FileProvider
from secretref.testing import ProviderContract, assert_no_leak, canary


class TestJsonContract(ProviderContract):
    def provider(self, values, tmp_path):
        (tmp_path / "secrets.json").write_text(json.dumps(values, ensure_ascii=False), newline="")
        return FileProvider(tmp_path / "secrets.json")

    def broken(self, values, tmp_path):
        (tmp_path / "secrets.json").write_text(json.dumps(values)[:-1])
        return FileProvider(tmp_path / "secrets.json")


class TestTomlContract(ProviderContract):
    def provider(self, values, tmp_path):
        (tmp_path / "secrets.toml").write_text(toml(values), newline="")
        return FileProvider(str(tmp_path / "secrets.toml"))

    def broken(self, values, tmp_path):
        (tmp_path / "secrets.toml").write_text(f"A = {next(iter(values.values()))}")
        return FileProvider(tmp_path / "secrets.toml")


def toml(values):
    def escaped(text):
        return "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in text)

    return "".join(f'"{name}" = "{escaped(value)}"\r\n' for name, value in values.items())


class TestDirectoryContract(ProviderContract):
    def provider(self, values, tmp_path):
        root = tmp_path / "root"
        root.mkdir()
        (tmp_path / "outside").write_text(canary())
        for name, value in values.items():
            (root / name).write_bytes(value.encode())
        return DirectoryProvider(root)

    def broken(self, values, tmp_path):
        for name, value in values.items():
            (tmp_path / name).write_bytes(value.encode() + b"\xff")
        return DirectoryProvider(tmp_path)


class TestKubernetesMountContract(TestDirectoryContract):
    """Every name is a link to ``..data``, which is a link to the folder of the present version."""

    def provider(self, values, tmp_path):
        root = tmp_path / "root"
        mount(root, values, version="..2024_01")
        return DirectoryProvider(root)


def mount(root, values, *, version):
    """Write *values* the way the kubelet does, and switch over to them."""
    (root / version).mkdir(parents=True)
    for name, value in values.items():
        (root / version / name).write_bytes(value.encode())
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"..data/{name}")
    (root / "..data_tmp").symlink_to(version)
    (root / "..data_tmp").rename(root / "..data")


def fetch(provider, *names):
    return {name: value.get_secret_value() for name, value in provider.fetch(frozenset(names)).items()}


# One file


def test_objects_and_lists_become_compact_json(tmp_path):
    (tmp_path / "x.json").write_text('{"A": {"k": [1, 2.5, "é", null]}, "B": [ ], "C": "1"}', encoding="utf-8")
    (tmp_path / "x.toml").write_text("B = []\nC = '1'\n[A]\nday = 2024-02-29\n")
    assert fetch(FileProvider(tmp_path / "x.json"), *"ABC") == {"A": '{"k":[1,2.5,"é",null]}', "B": "[]", "C": "1"}
    assert fetch(FileProvider(tmp_path / "x.toml"), *"ABC") == {"A": '{"day":"2024-02-29"}', "B": "[]", "C": "1"}


@pytest.mark.parametrize("written", ["1", "0.10", "-0", "true", "null", '"\\ud800"', '["\\udfff"]', "[1e999]"])
def test_what_is_no_exact_text_is_refused_only_when_asked_for(tmp_path, written):
    (tmp_path / "x.json").write_text(f'{{"A": {written}, "B": "text"}}')
    provider = FileProvider(tmp_path / "x.json")
    assert fetch(provider, "B") == {"B": "text"}
    with pytest.raises(ProviderError, match="A: not text") as caught:
        provider.fetch(frozenset("AB"))
    assert caught.value.names == {"A"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"A"',
        "{",
        '{"A": NaN}',
        '{"A": 1, "A": 2}',
        '{"B": {"A": 1, "A": 2}}',
        "\ufeff{}",
        "[" * 200_000,
        "{'A': 1}",
    ],
)
def test_what_is_no_strict_json_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(ProviderError) as caught:
        FileProvider(tmp_path / "x.json").fetch(frozenset("A"))
    assert caught.value.__context__ is None


def test_a_line_end_that_toml_would_change_is_refused(tmp_path):
    (tmp_path / "x.toml").write_bytes(b'A = """one\r\ntwo"""\r\nB = "one\\r\\ntwo"\r\nC = "x"\r\n')
    provider = FileProvider(tmp_path / "x.toml")
    assert fetch(provider, "B", "C") == {"B": "one\r\ntwo", "C": "x"}
    with pytest.raises(ProviderError, match="A: not text"):
        provider.fetch(frozenset("ABC"))


def test_the_format_may_be_given(tmp_path):
    (tmp_path / "secrets").write_text('A = "1"')
    assert load(f"file://{tmp_path}/secrets?format=toml").exists(frozenset("AB")) == {"A"}
    for wrong in ("secrets", "secrets?format=yaml", "x.yaml"):
        with pytest.raises(ConfigurationError, match="json or toml"):
            load(f"file://{tmp_path}/{wrong}")


def test_it_is_read_at_each_fetch(tmp_path):
    path = tmp_path / "x.json"
    provider = FileProvider(path)
    for number in range(3):
        path.write_text(f'{{"A": "{number}"}}')
        assert fetch(provider, "A") == {"A": str(number)}


@pytest.mark.parametrize("max_bytes", [9, 10])
def test_the_size_is_limited(tmp_path, max_bytes):
    (tmp_path / "x.json").write_text('{"A":"12"}')
    provider = FileProvider(tmp_path / "x.json", max_bytes=max_bytes)
    if max_bytes == 10:
        assert fetch(provider, "A") == {"A": "12"}
    else:
        with pytest.raises(ProviderError, match="larger than 9 bytes"):
            provider.fetch(frozenset("A"))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/tty", ".", "missing.json", "fifo", "socket"])
def test_only_a_regular_file_is_read(tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(ProviderError):
            FileProvider(path, format="json").fetch(frozenset("A"))


# A directory


@pytest.mark.parametrize(
    ("content", "kept", "stripped"),
    [
        ("x", "x", "x"),
        ("x\n", "x\n", "x"),
        ("x\r\n", "x\r\n", "x"),
        ("x\n\n", "x\n\n", "x\n"),
        ("x\r", "x\r", "x\r"),
        ("\n", "\n", ""),
        ("", "", ""),
        (" x \n", " x \n", " x "),
    ],
)
def test_one_final_line_end_goes_if_told_so(tmp_path, content, kept, stripped):
    (tmp_path / "A").write_bytes(content.encode())
    assert fetch(load(f"directory://{tmp_path}"), "A") == {"A": kept}
    assert fetch(load(f"directory://{tmp_path}?strip_newline=true"), "A") == {"A": stripped}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "outside").write_text(canary())
    (tmp_path / "rootless").mkdir()
    (tmp_path / "rootless" / "x").write_text(canary())
    return tmp_path / "root"


@pytest.mark.parametrize(
    "target", ["../outside", "sub/../../outside", "/etc/hostname", "../rootless/x", "out/outside", ".", ".."]
)
def test_a_link_that_leads_outside_is_refused(root, target):
    (root / "out").symlink_to("..")
    (root / "A").symlink_to(target)
    provider = DirectoryProvider(root)
    with pytest.raises(ProviderError, match="leads outside"):
        provider.fetch(frozenset("A"))
    assert provider.exists(frozenset("A")) == frozenset()


def test_links_inside_are_followed(root):
    (root / "sub" / "real").write_text("1")
    (root / "A").symlink_to("sub/real")
    (root / "B").symlink_to(root / "A")
    (root.parent / "link").symlink_to(root)
    for path in (root, root.parent / "link", root / "sub" / ".."):
        provider = DirectoryProvider(path)
        assert fetch(provider, "A", "B") == {"A": "1", "B": "1"}
        assert provider.exists(frozenset("ABC")) == {"A", "B"}


def test_what_is_no_regular_file_is_refused_at_once(root):
    os.mkfifo(root / "FIFO")
    (root / "TO_FIFO").symlink_to("FIFO")
    (root / "RING").symlink_to("RING")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "SOCKET"))
        provider = DirectoryProvider(root)
        names = frozenset({"FIFO", "TO_FIFO", "SOCKET", "sub", "RING"})
        with pytest.raises(ProviderError) as caught:
            provider.fetch(names | {"MISSING"})
    assert caught.value.names == names
    assert provider.exists(names) == frozenset()


def test_a_link_to_nothing_is_nothing(root):
    (root / "A").symlink_to("gone")
    assert fetch(DirectoryProvider(root), "A") == {}


def test_a_missing_directory_is_an_error_and_not_an_empty_one(root):
    for path in (root / "gone", root.parent / "outside"):
        with pytest.raises(ProviderError, match="no such directory"):
            DirectoryProvider(path).fetch(frozenset("A"))
        with pytest.raises(ProviderError, match="no such directory"):
            DirectoryProvider(path).exists(frozenset("A"))


def test_a_file_may_be_too_large(root):
    (root / "A").write_text("x" * 11)
    with pytest.raises(ProviderError, match="larger than 10 bytes"):
        DirectoryProvider(root, max_bytes=10).fetch(frozenset("A"))


opened = []
sys.addaudithook(
    lambda event, args: opened.append(args[0]) if event == "open" and isinstance(args[0], str | bytes) else None
)


def test_hostile_names_open_nothing_outside(root):
    (root / "A").write_text("1")
    parts = ["..", "/", "A", "%2e", "\\", "\0", "outside", ".", " ", "\n", "//", "~", "…", "\u2215", "C:", "*"]
    names = frozenset(
        f"{first}{second}{third}" for first in parts for second in parts for third in ("", "outside", "/")
    )
    assert len(names) >= 500
    provider = DirectoryProvider(root)
    opened.clear()
    assert set(provider.fetch(names)) <= {"A"} | {name for name in names if name.isalpha() and name.isascii()}
    elsewhere = [path for path in opened if os.sep in os.fspath(path) and os.path.realpath(path) != str(root)]
    assert elsewhere == []


def test_a_link_swapped_after_the_check_is_not_followed(root, monkeypatch):
    """The worst moment: the way was resolved and found to be inside, then a folder on it becomes a link."""
    (root / "sub" / "x").write_text("inside")
    (root / "A").symlink_to("sub/x")
    resolve = DirectoryProvider._resolved

    def resolve_then_swap(self, name):
        found = resolve(self, name)
        (root / "sub").rename(root / "old")
        (root / "sub").symlink_to("../rootless")
        return found

    monkeypatch.setattr(DirectoryProvider, "_resolved", resolve_then_swap)
    with pytest.raises(ProviderError, match=r"NotADirectoryError|OSError") as caught:
        DirectoryProvider(root).fetch(frozenset("A"))
    assert_no_leak(caught.value, (root.parent / "rootless" / "x").read_text())


def test_a_file_swapped_after_the_check_is_not_read(root, monkeypatch):
    """``read_regular`` looks twice: before opening, and at what it has opened."""
    (root / "A").write_text("1")
    os.mkfifo(root / "FIFO")
    real = os.open

    def swapped(path, flags, **more):
        return real("FIFO" if path == "A" else path, flags, **more)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(ProviderError, match="not a regular file"):
        DirectoryProvider(root).fetch(frozenset("A"))


def test_all_values_are_of_one_version(tmp_path, monkeypatch):
    """The mount is switched over between two files; both are read again."""
    mount(tmp_path, {"A": "old", "B": "old"}, version="..1")
    content = DirectoryProvider._content
    switches = iter([True])

    def switch_meanwhile(self, name):
        found = content(self, name)
        if next(switches, False):
            mount(tmp_path, {"A": "new", "B": "new"}, version="..2")
        return found

    monkeypatch.setattr(DirectoryProvider, "_content", switch_meanwhile)
    assert fetch(DirectoryProvider(tmp_path), "A", "B") == {"A": "new", "B": "new"}


def test_a_mount_that_never_rests_is_unavailable(tmp_path, monkeypatch):
    versions = iter(range(100))
    monkeypatch.setattr(DirectoryProvider, "_version", lambda self: str(next(versions)))
    with pytest.raises(ProviderUnavailableError, match="changed while being read"):
        DirectoryProvider(tmp_path).fetch(frozenset("A"))


def test_values_are_sealed_and_settings_shown(tmp_path):
    (tmp_path / "A").write_text("1")
    provider = DirectoryProvider(tmp_path)
    assert provider.fetch(frozenset("A")) == {"A": SecretStr("1")}
    assert repr(FileProvider("/x.json")) == f"FileProvider(path='/x.json', format=None, max_bytes={files.MAX_BYTES})"
