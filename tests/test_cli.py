"""The command line as its users meet it: arguments, streams, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from secretref import cli as command_line
from secretref import errors
from secretref._edge import EDGE
from secretref.cli import _app, doctor
from secretref.cli._files import UnreadableError
from secretref.testing import assert_no_leak, canary

pytest_plugins = ["cli_runner"]

SECRETREF = Path(sys.executable).with_name("secretref")
ENV = "env://?prefix=SECRET_"
LOADED = "import sys, atexit; atexit.register(lambda: print(*sys.modules)); import secretref.cli; secretref.cli.main()"


# the frame


def test_help_lists_every_command_and_shows_brackets(cli):
    run = cli("--help")
    assert run.code == 0
    assert all(
        f"  {name} " in run.out for name in ("check", "refs", "preflight", "explain", "redact", "demo", "doctor")
    )
    assert "[OPTIONS]" in run.out


def test_the_version_is_that_of_the_distribution(cli):
    assert cli("--version") == (0, f"secretref {version('secretref-workflow')}\n", "")


def test_wrong_usage_is_two(cli):
    assert cli("nope").code == 2
    assert cli("check").code == 2


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_one_line_says_how_to_get_it(cli, monkeypatch, missing):
    monkeypatch.setattr(command_line, "find_spec", lambda name: None if name == missing else object())
    run = cli("--help")
    assert (run.code, run.out) == (2, "")
    assert run.err == "secretref: the command line is an extra: pip install 'secretref-workflow[cli]'\n"


def test_help_loads_neither_grammar_nor_matcher_nor_screen():
    command = [sys.executable, "-c", LOADED, "--help"]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert not {"lark", "hyperscan", "rich", "detect_secrets", "yaml"} & set(loaded.split())


def kinds(base):
    return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))


def test_every_error_has_an_exit_code_and_a_status():
    ours = {
        kind.code
        for kind in kinds(errors.SecretRefError)
        if kind.__module__ in {"secretref.errors", "secretref.cli._files"}
    }
    assert ours | {UnreadableError.code} == EDGE.keys()
    assert {edge.exit_code for edge in EDGE.values()} == {1, 2}


def test_an_error_of_ours_is_one_line_and_its_exit_code(cli, monkeypatch):
    monkeypatch.setattr(_app, "app", raising(errors.AccessDeniedError({"A"}, subject="user:ann")))
    assert cli() == (1, "", "secretref: user:ann may not READ: A\n")


def test_a_foreign_error_shows_its_class_and_places_but_no_text_and_no_locals(cli, monkeypatch):
    value = canary()
    monkeypatch.setattr(_app, "app", raising(ValueError(value)))
    run = cli()
    assert run.code == 2
    assert run.err.endswith("secretref: internal error: ValueError\n")
    assert "_app.py" in run.err
    assert_no_leak(run, value)


def test_an_error_shows_no_text_that_moves_the_cursor(cli, monkeypatch):
    monkeypatch.setattr(_app, "app", raising(UnreadableError("a\x1b[2J\nb: gone")))
    assert cli() == (2, "", "secretref: a\\x1b[2J\\nb: gone\n")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (PermissionError(13, "Permission denied", "/x\n"), "/x\\n: Permission denied"),
        (OSError(98, "Address already in use"), "Address already in use"),
        (OSError("no number"), "OSError"),
    ],
)
def test_what_the_system_refuses_is_one_line(cli, monkeypatch, fault, said):
    monkeypatch.setattr(_app, "app", raising(fault))
    assert cli() == (2, "", f"secretref: {said}\n")


def test_a_command_that_returns_is_zero(cli, monkeypatch):
    monkeypatch.setattr(_app, "app", lambda: None)
    assert cli() == (0, "", "")


# standard streams that are closed, full, or left by their reader


@pytest.fixture
def large(tmp_path):
    """A definition whose references fill any buffer."""
    path = tmp_path / "large.json"
    path.write_text(json.dumps([f"${{workflow.secrets.name_{number}}}" for number in range(5_000)]))
    return path


COMMANDS = ["--version", "--help", "doctor --json", "doctor", "refs FILE", "refs FILE --json", "refs FILE --names",
            "check FILE --no-literals"]  # fmt: skip


def shell(line, large):
    environment = {**os.environ, "PATH": f"{SECRETREF.parent}:{os.environ['PATH']}"}
    command = ["/bin/bash", "-c", line.replace("FILE", str(large))]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_written_is_said_in_one_line(large, command):
    full = shell(f"secretref {command} > /dev/full", large)
    assert (full.returncode, full.stderr) == (2, "secretref: No space left on device\n")
    closed = shell(f"secretref {command} >&-", large)
    assert (closed.returncode, closed.stderr) == (2, "secretref: Bad file descriptor\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves_ends_a_command_without_a_word(large, command):
    left = shell(f"(sleep 1; secretref {command}) | true; exit ${{PIPESTATUS[0]}}", large)
    assert (left.returncode, left.stderr) == (141, "")


def test_closed_streams_that_are_not_needed_do_not_matter(large):
    assert shell("secretref refs FILE <&- 2>&- | wc -l", large).stdout.strip() == "5000"


def test_a_closed_input_is_unreadable(large):
    run = shell("secretref check - <&-", large)
    assert (run.returncode, run.stderr, run.stdout.splitlines()[0]) == (2, "", "-: Bad file descriptor")
    redacted = shell(
        "SECRET_A=long-enough-value secretref redact --provider 'env://?prefix=SECRET_' --name A <&-", large
    )
    assert (redacted.returncode, redacted.stderr) == (2, "secretref: Bad file descriptor\n")


@pytest.mark.parametrize("command", ["redact --name A < FILE", "run --hide A -- cat FILE"])
def test_redacted_output_that_cannot_be_written_is_said_in_one_line(large, command):
    line = f"SECRET_A=long-enough-value SECRETREF_PROVIDER='env://?prefix=SECRET_' secretref {command}"
    full = shell(f"{line} > /dev/full", large)
    assert (full.returncode, full.stderr) == (2, "secretref: No space left on device\n")
    left = shell(f"(sleep 1; {line}) | true; exit ${{PIPESTATUS[0]}}", large)
    assert left.stderr == ""
    assert left.returncode == 141 or command.startswith("run")  # which may let its command end


def raising(error):
    def app():
        raise error

    return app


# redact


def test_redact_hides_values_and_keeps_every_other_byte(cli, monkeypatch):
    value, other = canary(), canary("special")
    monkeypatch.setenv("SECRET_A", value)
    monkeypatch.setenv("SECRET_B", other)
    noise = bytes(range(256)) * 3
    for mode in ("line", "eager"):
        arguments = ("redact", "--provider", ENV, "--name", "A", "--name", "B", "--mode", mode)
        given = noise + f"[bold]{value}[/bold] {json.dumps(other)}\r\n".encode() + noise
        done = subprocess.run([SECRETREF, *arguments], input=given, capture_output=True, timeout=60, check=True)
        assert done.stdout == noise + b'[bold]***[/bold] "***"\r\n' + noise


def test_redact_passes_on_what_it_has_before_the_input_ends(monkeypatch):
    value = canary()
    monkeypatch.setenv("SECRET_A", value)
    with subprocess.Popen(
        [SECRETREF, "redact", "--provider", ENV, "--name", "A"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdin.write(f"one {value}\ntwo".encode())
        child.stdin.flush()
        assert child.stdout.readline() == b"one ***\n"
        assert child.communicate(timeout=30)[0] == b"two"


def test_redact_interrupted_lets_no_half_of_a_value_go(monkeypatch):
    value = canary()
    monkeypatch.setenv("SECRET_A", value)
    with subprocess.Popen(
        [SECRETREF, "redact", "--provider", ENV, "--name", "A"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdin.write(f"{value}\n{value[:-4]}".encode())
        child.stdin.flush()
        assert child.stdout.readline() == b"***\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        rest = child.communicate(timeout=30)[0]
    assert child.returncode == 130
    assert_no_leak(rest, value)


def test_redact_of_nothing_is_nothing(cli, monkeypatch):
    monkeypatch.setenv("SECRET_A", canary())
    assert cli("redact", "--provider", ENV, "--name", "A") == (0, "", "")


def test_redact_reads_nothing_when_a_name_has_no_value(cli):
    run = cli("redact", "--provider", ENV, "--name", "NOPE", stdin=b"raw text")
    assert run == (1, "", "secretref: no such secret in env: NOPE\n")


def test_redact_names_weak_values(cli, monkeypatch):
    monkeypatch.setenv("SECRET_PIN", "42")
    run = cli("redact", "--provider", ENV, "--name", "PIN", stdin=b"42 is the answer")
    assert run.err == "secretref: too short or too common to be hidden everywhere: PIN\n"


def test_redact_takes_its_names_from_a_file(cli, monkeypatch, tmp_path):
    value = canary()
    monkeypatch.setenv("SECRET_A", value)
    names = tmp_path / "names.txt"
    names.write_text("A\n")
    assert cli("redact", "--provider", ENV, "--all-names-in", names, stdin=value.encode()).out == "***"


def test_redact_without_names_is_wrong_usage(cli):
    run = cli("redact", "--provider", ENV)
    assert run.code == 2
    assert "no names" in run.err


def test_a_reader_that_leaves_ends_redact_quietly(monkeypatch):
    monkeypatch.setenv("SECRET_A", canary())
    with subprocess.Popen(
        [SECRETREF, "redact", "--provider", ENV, "--name", "A"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        child.stdout.close()
        child.stdout = None
        errors_shown = child.communicate(b"line\n" * 100_000, timeout=30)[1]
    assert child.returncode != 0
    assert b"Traceback" not in errors_shown


# doctor


def test_doctor_is_content_with_a_sound_installation(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONASYNCIODEBUG", raising=False)
    run = cli("doctor", "--json")
    checks = {check["subject"]: check for check in json.loads(run.out)}
    assert run.code == 0
    assert checks["import package"]["sound"] is True
    assert {"python", "sqlite", "extra cli", "extra detect"} <= checks.keys()


def test_doctor_reports_the_other_distribution_of_that_name(cli, tmp_path, monkeypatch):
    (tmp_path / "secretref-9.9.dist-info").mkdir()
    (tmp_path / "secretref-9.9.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: secretref\nVersion: 9.9\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    run = cli("doctor")
    assert run.code == 1
    assert "shared with the unrelated distribution secretref 9.9" in run.out
    assert "pip uninstall secretref" in run.out


@pytest.mark.parametrize("options", ["-ra --showlocals", "-l", "-vl -q"])
def test_doctor_reports_locals_in_test_reports(cli, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = {options}\n")
    run = cli("doctor")
    assert run.code == 1
    assert "pytest.ini" in run.out


def test_doctor_reports_a_foreign_excepthook_and_asyncio_debug(cli, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    checks = {check.subject: check for check in doctor._leaks()}
    assert not checks["sys.excepthook"].sound
    assert not checks["asyncio debug"].sound


def test_doctor_names_missing_extras(monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda _: ['nowhere-to-be-found>=1; extra == "moon"', "pydantic>=2"])
    (check,) = doctor._extras()
    assert (check.subject, check.finding) == ("extra moon", "missing: nowhere-to-be-found")
    assert check.fix == "pip install 'secretref-workflow[moon]'"


def test_no_colour_leaves_no_escape(monkeypatch):
    environment = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "", "TERM": "xterm-256color"}
    done = subprocess.run([SECRETREF, "doctor"], capture_output=True, timeout=60, check=False, env=environment)
    assert b"import package" in done.stdout
    assert b"\x1b[3" not in done.stdout
