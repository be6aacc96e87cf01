"""The encrypted store on the command line: values go in by prompt or standard input and never come out."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from secretref.store import AuditEvent, open_store
from secretref.testing import assert_no_leak, canary

pytest_plugins = ["cli_runner"]
SECRETREF = Path(sys.executable).with_name("secretref")


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A place for the store, known to every command."""
    path = tmp_path / "store" / "db"
    monkeypatch.setenv("SECRETREF_STORE", str(path))
    monkeypatch.delenv("SECRETREF_STORE_KEY", raising=False)
    return path


@pytest.fixture
def made(at, cli):
    """A store with one secret."""
    assert cli("store", "init").code == 0
    assert cli("secrets", "put", "A", stdin=b"first\n").code == 0
    return at


def value_in(path, name="A"):
    with open_store(path) as store:
        return store.fetch(frozenset({name})).get(name)


def test_init_makes_a_store_and_tells_where(at, cli):
    run = cli("store", "init")
    assert (run.code, run.err) == (0, "")
    assert f"store: sqlite:///{at}" in run.out
    assert "journal truncate" in run.out
    assert cli("store", "init").out == run.out


def test_without_a_store_one_line_says_so(at, cli):
    run = cli("secrets", "list")
    assert (run.code, run.out) == (2, "")
    assert run.err == f"secretref: {at.parent} does not exist\n"


@pytest.mark.parametrize(
    ("data", "options", "kept"),
    [
        (b"pinetree", [], "pinetree"),
        (b"pinetree\n", [], "pinetree"),
        (b"pinetree\r\n", [], "pinetree"),
        (b"two\n\n", [], "two\n"),
        (b"pinetree\n", ["--exact"], "pinetree\n"),
        ("Zoë \0".encode(), [], "Zoë \0"),
        (b"", [], ""),
    ],
)
def test_a_value_is_read_from_standard_input(made, cli, data, options, kept):
    run = cli("secrets", "put", "A", *options, stdin=data)
    assert run == (0, "A: version 2\n", "")
    assert value_in(made) == SecretStr(kept)


def test_bytes_that_are_no_text_are_refused(made, cli):
    value = canary()
    run = cli("secrets", "put", "A", stdin=b"\xff" + value.encode())
    assert run.code == 2
    assert_no_leak(run.out + run.err, value)
    assert value_in(made) == SecretStr("first")


def test_a_value_is_asked_for_twice_on_a_terminal_and_not_shown(made):
    value = canary()
    shown = on_a_terminal(["secrets", "put", "A"], [value, value])
    assert "version 2" in shown
    assert_no_leak(shown, value)
    assert value_in(made) == SecretStr(value)


def test_a_passphrase_is_asked_for(tmp_path):
    place, words = str(tmp_path / "p" / "db"), "correct horse battery"
    shown = on_a_terminal(["store", "init", "--store", place, "--key", "prompt"], [words])
    assert "(passphrase)" in shown
    assert words not in shown
    assert "WrongKey" in on_a_terminal(
        ["secrets", "list", "--store", place, "--key", "prompt"], ["wrong horse battery"]
    )


def on_a_terminal(arguments, answers):
    """Run a command on a terminal of its own; type each answer when a prompt has come."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(SECRETREF, ["secretref", *arguments])
    shown, deadline = b"", time.monotonic() + 60
    for answer in answers:
        prompts = shown.count(b": ")
        while shown.count(b": ") == prompts and time.monotonic() < deadline:
            shown += os.read(terminal, 1000)
        os.write(terminal, answer.encode() + b"\n")
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 1000)
        except OSError:  # the other side is closed
            break
        shown += piece
    os.close(terminal)
    os.waitpid(pid, 0)
    return shown.decode()


def test_a_value_is_never_an_argument(made, cli):
    value = canary()
    run = cli("secrets", "put", "A", value)
    assert run.code == 2
    assert value_in(made) == SecretStr("first")


def test_exists_answers_by_word_and_code(made, cli):
    assert cli("secrets", "exists", "A") == (0, "true\n", "")
    assert cli("secrets", "exists", "B") == (1, "false\n", "")


def test_list_shows_everything_but_values(made, cli):
    value = canary()
    cli("secrets", "put", "B", "--tag", "org=post", "--tag", "a=", "--expires-in", "30d", stdin=value.encode())
    cli("secrets", "put", "C", "--expires-in", "0s", stdin=b"x")
    run = cli("secrets", "list")
    assert run.code == 0
    lines = run.out.splitlines()
    assert [line.split()[0] for line in lines] == ["A", "B", "C"]
    assert "version 1" in lines[1]
    assert "a=" in lines[1]
    assert "org=post" in lines[1]
    assert ("expired" in lines[1], "expired" in lines[2]) == (False, True)
    listed = json.loads(cli("secrets", "list", "--json").out)
    assert listed[0]["expires"] is None
    assert listed[1]["tags"] == {"a": "", "org": "post"}
    assert listed[1]["name"] == "B"
    assert_no_leak(run.out, value)


@pytest.mark.parametrize(
    "option", [["--tag", "x"], ["--tag", "=x"], ["--expires-in", "5"], ["--expires-in", "5w"], ["--expires-in", "d"]]
)
def test_odd_options_are_wrong_usage(made, cli, option):
    assert cli("secrets", "put", "A", *option, stdin=b"x").code == 2
    assert value_in(made) == SecretStr("first")


def test_delete_asks_unless_told_not_to(made, cli):
    assert cli("secrets", "delete", "A", stdin=b"n\n").code == 1
    assert value_in(made) is not None
    assert cli("secrets", "delete", "A", "--yes")[:2] == (0, "deleted\n")
    assert value_in(made) is None
    assert cli("secrets", "delete", "A", "--yes")[:2] == (1, "no such secret\n")


def test_tags_are_set_and_removed(made, cli):
    assert cli("secrets", "tag", "A", "a=1", "b=2").out == "a=1\nb=2\n"
    assert cli("secrets", "tag", "A", "--remove", "a").out == "b=2\n"
    assert cli("secrets", "tag", "B", "a=1").code == 1


def test_versions_and_rollback(made, cli):
    cli("secrets", "put", "A", stdin=b"second")
    run = cli("secrets", "versions", "A")
    assert [line.split()[0] for line in run.out.splitlines()] == ["2", "1"]
    assert cli("secrets", "rollback", "A", "1").out == "A: version 3\n"
    assert value_in(made) == SecretStr("first")
    assert cli("secrets", "versions", "B").code == 1
    assert cli("secrets", "rollback", "A", "9").code == 1


def test_grants_are_given_and_taken_with_their_trail(made, cli):
    run = cli("grant", "app:orkes-workers", "A", "tag:org:post", "--access", "read", "--access", "UPDATE")
    assert (
        run.out == "USER app:orkes-workers SECRET_NAME A READ UPDATE\nUSER app:orkes-workers TAG org:post READ UPDATE\n"
    )
    assert cli("revoke", "app:orkes-workers", "A").out == "USER app:orkes-workers SECRET_NAME A UPDATE\n"
    assert cli("revoke", "app:orkes-workers", "A", "--access", "UPDATE").out == ""
    with open_store(made) as store:
        assert [grant.target_id for grant in store.grants.all().values()] == ["org:post"]
        lines = store.audit.lines(action="grant.*")
        assert [line.action for line in lines] == ["grant.remove"] * 2 + ["grant.add"] * 2
        assert {line.actor.partition(":")[0] for line in lines} == {"cli"}


@pytest.mark.parametrize(
    "arguments", [["orkes", "A"], ["app:x", "A*"], ["app:x", "a b"], ["app:x", "A", "--access", "ALL"]]
)
def test_a_grant_that_is_not_exact_is_refused_whole(made, cli, arguments):
    assert cli("grant", *arguments).code == 2
    with open_store(made) as store:
        assert not store.grants.all()


def test_an_application_gets_a_key_that_opens(made, cli):
    run = cli("app", "create", "Workers", "--role", "worker", "--id", "orkes-workers")
    told = dict(line.split(": ") for line in run.out.splitlines())
    assert told["id"] == "orkes-workers"
    with open_store(made) as store:
        assert store.applications.get("orkes-workers").roles == {"WORKER"}
        key = store.access_keys.check(told["key id"], SecretStr(told["key secret"]))
        assert key.application_id == "orkes-workers"
    again = cli("app", "create", "Other", "--id", "orkes-workers")
    assert (again.code, again.out) == (2, "")
    assert len(cli("app", "create", "Other").out.splitlines()[0]) == len("id: ") + 36


def test_rotation_backup_and_restore(made, cli, tmp_path):
    key = tmp_path / "old-key"
    key.touch(0o600)
    key.write_bytes(made.with_name("db.key").read_bytes())
    backup = tmp_path / "backup"
    run = cli("store", "backup", backup)
    assert (run.code, run.out) == (0, "")
    assert "keep the key elsewhere" in run.err
    assert cli("store", "backup", backup).code == 2
    assert "(file)" in cli("store", "rotate-key").out
    assert value_in(made) == SecretStr("first")
    target = tmp_path / "restored" / "db"
    assert cli("store", "restore", backup, "--store", target, "--key", f"file:{made}.key").code == 2
    assert cli("store", "restore", backup, "--store", target, "--key", f"file:{key}").code == 0
    with open_store(target, key=f"file:{key}") as store:
        assert store.fetch(frozenset("A")) == {"A": SecretStr("first")}


def test_a_store_moves_to_another_key(made, cli, monkeypatch):
    monkeypatch.setenv("NEW_STORE_KEY", cli("store", "new-key").out)
    assert "(env)" in cli("store", "rotate-key", "--new-key", "env:NEW_STORE_KEY").out
    assert cli("secrets", "list").code == 2
    assert cli("secrets", "exists", "A", "--key", "env:NEW_STORE_KEY").out == "true\n"


def test_verify_tells_an_intact_store_from_another(made, cli):
    run = cli("store", "verify")
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("1 values, 1 records, 2 audit lines\nanchor: 2:")
    anchor = run.out.split("anchor: ")[1].strip()
    assert cli("store", "verify", "--anchor", anchor).code == 0
    told = json.loads(cli("store", "verify", "--json").out)
    assert (told["versions"], told["anchor"], told["problems"]) == (1, anchor, [])
    with open_store(made) as store:
        store._ledger.database.read(lambda one: one.text("DELETE FROM secretref_audit WHERE seq = 1"))
    run = cli("store", "verify")
    assert run.code == 1
    assert "line 1 is gone" in run.out


def test_help_does_not_need_the_extra_store():
    script = "import sys; sys.modules['sqlalchemy'] = None; import secretref.cli; secretref.cli.main()"

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False
        )

    assert run("store", "--help").returncode == 0
    missing = run("secrets", "list")
    assert missing.returncode == 2
    assert missing.stderr == "secretref: pip install 'secretref-workflow[store]'\n"


def test_the_trail_is_readable(made, cli):
    """A grant is told in words and found by the name it is on; no text of a line moves the cursor."""
    assert cli("grant", "app:orkes-workers", "A").code == 0
    shown = cli("audit", "--target", "A").out.splitlines()
    assert [line.split("  ", 3)[3] for line in shown] == [
        "grant.add A  ok  access READ  kind SECRET_NAME  subject app:orkes-workers",
        "secret.put A  ok  version 1",
    ]
    (line,) = json.loads(cli("audit", "--action", "grant.*", "--json").out)
    assert line["details"] == {"access": "READ", "kind": "SECRET_NAME", "subject": "app:orkes-workers"}
    with open_store(made) as store:
        store.audit.record(AuditEvent("", "secret.read", "\x1b[2J\nforged"))
    (newest,) = cli("audit", "--limit", "1").out.splitlines()
    assert "nobody  secret.read \\x1b[2J\\nforged  ok" in newest
