"""Files: private from birth, and refused when they are not; and what an address may be."""

import os
import sqlite3
import stat

import pytest
from figures import canary, report

from secretref.errors import ConfigurationError, ProviderUnavailableError
from secretref.store import FileKey, _sqlite, open_store, restore
from secretref.store._sqlite import wal_is_safe


def test_every_file_is_private_from_birth_under_every_umask(tmp_path, capsys):
    """SQLite gives side files the mode of the database, so both are looked at while a change is under way."""
    checked = wider = 0
    for mask in (0o000, 0o002, 0o022, 0o027, 0o077, 0o177, 0o277, 0o777):
        folder = tmp_path / f"{mask:o}"
        old = os.umask(mask)
        try:
            folder.mkdir()
            folder.chmod(0o700)
            with open_store(folder / "dir" / "store", create=True) as store:
                for _ in range(2):
                    with store.transaction():
                        store.put("A", canary())
                        wider += sum(mode_of(path) & 0o077 for path in folder.rglob("*"))
                store.rotate_key()
                store.backup(folder / "backup")
                restore(
                    folder / "backup", folder / "restored" / "store", key=FileKey(folder / "dir" / "store.key")
                ).close()
        finally:
            os.umask(old)
        for path in [folder / "dir", *folder.rglob("*")]:
            checked += 1
            wider += mode_of(path) != (0o700 if path.is_dir() else 0o600)
    report(capsys, f"modes: 8 umasks, {checked} files and directories, wider or narrower: {wider}")
    assert wider == 0


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def made(sqlite_place):
    with sqlite_place.open() as store:
        store.put("A", canary())
    return sqlite_place


@pytest.mark.parametrize("which", ["", "-journal", ".lock", ".key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_wider_files_are_refused(tmp_path, which, mode):
    path = tmp_path / "dir" / "store"
    open_store(path, create=True).close()
    side = path.with_name(path.name + which)
    side.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {side}"):
        open_store(path, create=True)


def test_a_wider_directory_is_refused(made):
    made.url.parent.chmod(0o750)
    with pytest.raises(ConfigurationError, match=f"chmod 700 {made.url.parent}"):
        made.open()


@pytest.mark.parametrize("which", ["", "-journal", ".lock"])
def test_linked_files_are_refused(made, which):
    side = made.url.with_name(made.url.name + which)
    side.rename(made.folder / "elsewhere")
    side.symlink_to(made.folder / "elsewhere")
    for create in (True, False):
        with pytest.raises(ConfigurationError, match="no plain file"):
            made.open(create=create)


def test_a_linked_directory_is_refused(made):
    made.url.parent.rename(made.folder / "elsewhere")
    made.url.parent.symlink_to(made.folder / "elsewhere")
    with pytest.raises(ConfigurationError, match="no plain directory"):
        made.open()


def test_a_linked_key_is_refused(tmp_path):
    path = tmp_path / "dir" / "store"
    open_store(path, create=True).close()
    key = path.with_name("store.key")
    key.rename(tmp_path / "elsewhere")
    key.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="plain file"):
        open_store(path)


def test_a_fifo_for_a_key_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "key", 0o600)
    with pytest.raises(ConfigurationError, match="plain file"):
        open_store(tmp_path / "dir" / "store", key=f"file:{tmp_path}/key", create=True)


def test_files_of_others_are_refused(made, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ConfigurationError, match="another user"):
        made.open()


def test_a_file_that_was_opened_up_is_refused_at_the_next_connection(made):
    with made.open() as store:
        store.close()
        made.url.chmod(0o644)
        with pytest.raises(ConfigurationError):
            store._ledger.database.read(lambda connection: connection)


def test_the_lock_must_stay(made):
    with made.open() as store:
        made.url.with_name("store.lock").unlink()
        with pytest.raises(ProviderUnavailableError):
            store.put("A", canary())
        assert store.exists("A")


def test_a_key_is_made_once(tmp_path):
    key = FileKey(tmp_path / "key")
    key.create()
    before = (tmp_path / "key").read_bytes()
    key.create()
    assert (tmp_path / "key").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


VERSIONS = [(3, minor, patch) for minor in (0, 6, 7, 24, 40, 43, 44, 45, 49, 50, 51, 52, 60) for patch in range(12)]


def test_the_write_ahead_log_is_used_on_safe_versions_only(capsys):
    safe = {version for version in VERSIONS if wal_is_safe(version)}
    unsafe = {v for v in safe if (3, 7, 0) <= v <= (3, 51, 2) and v not in {(3, 50, 7), (3, 44, 6)}}
    report(capsys, f"SQLite versions tested: {len(VERSIONS)}, with a log: {len(safe)}, unsafe choices: {len(unsafe)}")
    assert not unsafe
    assert {(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 52, 0), (3, 60, 0)} <= safe
    assert not any(version < (3, 7, 0) for version in safe)


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
def test_an_unsafe_log_is_refused(made, monkeypatch, version):
    monkeypatch.setattr(_sqlite.sqlite3, "sqlite_version_info", version)
    with pytest.raises(ConfigurationError, match="not safe"):
        open_store(f"sqlite:///{made.url}?journal=wal", key=made.key)


def test_a_log_is_emptied_whenever_something_was_removed(made, monkeypatch):
    monkeypatch.setattr(_sqlite.sqlite3, "sqlite_version_info", (3, 51, 3))
    with open_store(f"sqlite:///{made.url}?journal=wal", key=made.key, history=1) as store:
        assert store.info().journal == "wal"
        log = made.url.with_name("store-wal")
        store.put("NEW", canary())
        store.audit.record()
        assert (mode_of(log), mode_of(made.url.with_name("store-shm"))) == (0o600, 0o600)
        store.put("A", canary())
        assert log.stat().st_size == 0
        assert set(store.fetch(frozenset({"A", "NEW"}))) == {"A", "NEW"}
    with made.open() as store:
        assert store.info().journal == "truncate"


@pytest.mark.parametrize(
    "url",
    ["mysql://host/db", "sqlite://", "sqlite:///x?journal=off", "http://[", "nonsense://", "postgresql://host:port/db"],
)
def test_addresses_the_store_does_not_know_are_refused(url):
    with pytest.raises(ConfigurationError):
        open_store(url, key="env:NONE")


def test_a_server_needs_a_key():
    with pytest.raises(ConfigurationError, match="needs a key"):
        open_store("postgresql://127.0.0.1:1/none")


def test_a_server_that_is_not_there_is_unavailable_and_unnamed():
    with pytest.raises(ProviderUnavailableError) as raised:
        open_store("postgresql://ann:hunter2@127.0.0.1:1/none", key="env:NONE")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__context__ is None


def test_history_and_anchor_are_checked(made):
    with pytest.raises(ConfigurationError):
        made.open(history=0)
    with pytest.raises(ConfigurationError):
        made.open(anchor="nonsense")


def test_a_directory_without_the_file_is_no_store(tmp_path):
    (tmp_path / "dir").mkdir(0o700)
    with pytest.raises(ConfigurationError, match="does not exist"):
        open_store(tmp_path / "dir" / "store", key="env:NONE")
    assert list((tmp_path / "dir").iterdir()) == []


def test_an_empty_file_is_no_store(tmp_path):
    (tmp_path / "dir").mkdir(0o700)
    path = tmp_path / "dir" / "store"
    path.touch(0o600)
    with pytest.raises(ConfigurationError):
        open_store(path, key="env:NONE")
    assert path.read_bytes() == b""


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "dir").mkdir(0o700)
    path = tmp_path / "dir" / "store"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(Exception, match="store failed"):
        open_store(path, create=True)
    assert path.read_bytes() == before
