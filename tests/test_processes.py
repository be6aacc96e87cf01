"""``secretref run``: the child's output is what it was but for the values; its exit code and signals are kept."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: E501, PLW1510

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from secretref._processes import _Forwarding
from secretref._processes import run as run_process
from secretref._redactor import Redactor
from secretref.cli import main
from secretref.errors import InputError
from secretref.testing import canary

SECRETREF = Path(sys.executable).with_name("secretref")
ENV = "env://?prefix=SECRET_"


def command(*options, code=None, argv=()):
    child = [sys.executable, "-c", code, *argv] if code is not None else list(argv)
    return [SECRETREF, "run", "--provider", ENV, *options, "--", *child]


class Done(NamedTuple):
    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def run(monkeypatch, capfdbinary):
    """Run a command in this process, through the same ``main`` as the installed script."""

    def run(*options, code=None, argv=()):
        monkeypatch.setattr(sys, "argv", list(map(str, command(*options, code=code, argv=argv))))
        with pytest.raises(SystemExit) as left:
            main()
        return Done(left.value.code, *capfdbinary.readouterr())

    return run


@pytest.fixture
def value(monkeypatch):
    made = canary("special")
    monkeypatch.setenv("SECRET_TOKEN", made)
    return made


def test_output_is_kept_byte_for_byte_but_for_the_values(value, run):
    code = """
import os, sys
noise = bytes(range(256)) * 3
token = os.environ["TOKEN"].encode()
os.write(1, noise + token[:3]); os.write(2, b"err " + token + b"\\n")
os.write(1, token[3:] + noise)
os.write(2, noise)
sys.exit(7)
"""
    done = run("--env", "TOKEN", "--mode", "eager", code=code)
    noise = bytes(range(256)) * 3
    assert done.stdout == noise + b"***" + noise
    assert done.stderr == b"err ***\n" + noise
    assert done.returncode == 7


def test_order_is_kept_in_a_long_output(value, run):
    code = "import os\nfor n in range(20000): print(n, os.environ['T'] if n % 1000 == 0 else '')"
    done = run("--env", "T=TOKEN", code=code)
    assert done.stdout.decode().splitlines() == [f"{n} {'***' if n % 1000 == 0 else ''}" for n in range(20000)]


def test_decoded_forms_are_found_line_by_line(value, run):
    done = run("--env", "TOKEN", argv=("sh", "-c", 'printf %s "$TOKEN" | base64 | base64'))
    assert done.stdout.startswith(b"***")
    assert len(done.stdout) <= len(b"***o=\n")  # what is left encodes the line end


def test_values_come_by_a_file_in_memory_too(value, run):
    code = """
import os
path = os.environ["KEY"]
for _ in range(2):
    print(len(open(path).read()), open(path).read())
assert os.environ.get("TOKEN") is None
"""
    done = run("--file", "KEY=TOKEN", code=code)
    assert done.stdout.decode() == f"{len(value)} ***\n" * 2


def test_values_are_in_no_argument(value, run):
    code = "import sys, os; print(open(f'/proc/{os.getppid()}/cmdline').read().replace(chr(0), ' '), sys.argv)"
    done = run("--env", "TOKEN", code=code, argv=("x",))
    assert b"***" not in done.stdout
    assert value.encode() not in done.stdout


def test_exit_codes(value, tmp_path, run):
    assert run("--env", "TOKEN", argv=("sh", "-c", "exit 3")).returncode == 3
    assert run("--env", "TOKEN", argv=("sh", "-c", "kill -9 $$")).returncode == 137
    assert run("--env", "TOKEN", argv=("no-such-program",)).returncode == 127
    (tmp_path / "plain").write_text("x")
    assert run("--env", "TOKEN", argv=(str(tmp_path / "plain"),)).returncode == 126
    assert run("--env", "TOKEN", argv=("sh", "-c", "sleep 0")).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_go_on_to_the_child(value, number):
    code = f"""
import signal, sys, time
def got(n, _): print("got", n, flush=True); sys.exit(42)
signal.signal({int(number)}, got)
print("ready", flush=True)
time.sleep(60)
"""
    arguments = command("--env", "TOKEN", "--mode", "eager", code=code)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(number)
        assert child.stdout.read() == f"got {int(number)}\n".encode()
        assert child.wait(30) == 42


def test_what_a_killed_child_left_unfinished_is_hidden(value, run):
    code = "import os, signal; os.write(1, b'x ' + os.environ['TOKEN'].encode()[:-3]); os.kill(os.getpid(), signal.SIGKILL)"
    done = run("--env", "TOKEN", code=code)
    assert done.stdout == b"x ***"
    assert done.returncode == 137


def test_a_grandchild_that_holds_the_output_open_does_not_hold_us_up(value, run):
    began = time.monotonic()
    done = run("--env", "TOKEN", argv=("sh", "-c", 'sleep 30 & printf "done %s" "$TOKEN"'))
    assert done.stdout == b"done ***"
    assert time.monotonic() - began < 20


def test_a_reader_that_leaves_ends_the_child(value):
    code = "import sys\nfor n in range(10**7): print(n, 'x' * 100)"
    with subprocess.Popen(
        command("--env", "TOKEN", code=code), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout.readline().startswith(b"0 x")
        child.stdout.close()
        assert child.wait(30) != 0


def test_standard_input_is_the_childs(value):
    given = b"in " + value.encode() + b"\n"
    done = subprocess.run(command("--env", "TOKEN", argv=("cat",)), capture_output=True, timeout=60, input=given)
    assert done.stdout == b"in ***\n"


def test_a_terminal_of_its_own(value, run):
    code = """
import os, sys
print(all(os.isatty(n) for n in range(3)), os.environ["TOKEN"])
print("size", os.get_terminal_size(0).columns >= 0)
sys.exit(5)
"""
    done = run("--env", "TOKEN", "--pty", code=code)
    assert done.stdout == b"True ***\r\nsize True\r\n"
    assert done.returncode == 5


def test_keys_reach_a_terminal(value):
    ours, theirs = pty.openpty()
    code = "import os; print('name?', flush=True); print('hello', input(), os.environ['TOKEN'], flush=True); input()"
    arguments = command("--env", "TOKEN", "--pty", code=code)
    with subprocess.Popen(arguments, stdin=theirs, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout.readline() == b"name?\r\n"
        child.send_signal(signal.SIGWINCH)
        os.write(ours, b"ann\n")
        assert child.stdout.readline().startswith(b"ann\r\n")
        assert child.stdout.readline() == b"hello ann ***\r\n"
        os.write(ours, b"\x04")
        child.stdout.read()
        assert child.wait(30) == 1
    os.close(ours)
    os.close(theirs)


def test_the_end_of_our_input_is_the_end_of_the_childs(value):
    read, write = os.pipe()
    with subprocess.Popen(
        command("--env", "TOKEN", "--pty", argv=("cat",)), stdin=read, stdout=subprocess.PIPE
    ) as child:
        os.close(read)
        os.write(write, b"x\n")
        assert child.stdout.readline() == b"x\r\n"
        os.close(write)
        assert b"x" in child.stdout.read()
        assert child.wait(30) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "no names"),
        (("--file", "TOKEN"), "VARIABLE=NAME"),
        (("--env", "=TOKEN"), "VARIABLE=NAME"),
        (("--env", "ABSENT"), "no such secret"),
    ],
)
def test_mistakes_are_told_before_anything_runs(value, options, message, run):
    done = run(*options, argv=("touch", "/nonexistent/never"))
    assert done.returncode != 0
    assert message in done.stderr.decode()
    assert value not in done.stderr.decode()


def test_weak_values_are_named(monkeypatch, run):
    monkeypatch.setenv("SECRET_PIN", "12")
    done = run("--hide", "PIN", argv=("echo", "12"))
    assert b"PIN" in done.stderr
    assert done.stdout == b"12\n"


def test_a_nul_character_cannot_be_passed(value):
    with pytest.raises(InputError, match="NUL"):
        run_process(["true"], Redactor(), env={"A": f"{value}\0"})


@contextmanager
def standing_for(place, replacement):
    """Let another file be standard input or output of this process for a time."""
    kept = os.dup(place)
    os.dup2(replacement, place)
    try:
        yield
    finally:
        os.dup2(kept, place)
        os.close(kept)


def here(*command, **options):
    return run_process(["sh", "-c", *command], Redactor({"token": "c4nary-in-this-process"}), **options)


def test_a_signal_to_this_process_reaches_the_child(capfdbinary):
    before = signal.getsignal(signal.SIGUSR1)
    assert here("trap 'echo got; exit 9' USR1; kill -USR1 $PPID; sleep 5 & wait") == 9
    assert capfdbinary.readouterr().out == b"got\n"
    assert signal.getsignal(signal.SIGUSR1) is before


def test_the_keyboards_own_signals_are_not_sent_twice():
    ours, theirs = pty.openpty()
    with standing_for(0, theirs):
        assert here("trap 'exit 9' INT; kill -INT $PPID; sleep 0.2; exit 4") == 4
    os.close(ours)
    os.close(theirs)


def test_keys_pass_raw_and_the_terminal_is_given_back(capfdbinary):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    typing = threading.Timer(0.5, os.write, (ours, b"x c4nary-in-this-process\n\x04"))
    typing.start()
    with standing_for(0, theirs):
        assert here("kill -WINCH $PPID; cat", terminal=True, mode="eager") == 0
    assert termios.tcgetattr(theirs) == before
    assert b"x ***\r\n" in capfdbinary.readouterr().out
    os.close(ours)
    os.close(theirs)


def test_the_end_of_input_ends_a_terminal(capfdbinary):
    source, sink = os.pipe()
    os.close(sink)
    with standing_for(0, source):
        assert here("cat", terminal=True) == 0
    os.close(source)


def test_a_reader_that_left_stops_the_child():
    source, sink = os.pipe()
    os.close(source)
    with standing_for(1, sink):
        assert here("exec yes") == 128 + signal.SIGPIPE
        assert here("printf held", mode="line") == 0
    os.close(sink)


@pytest.mark.parametrize("early", [True, False])
def test_a_signal_that_comes_before_the_child_is_kept_for_it_and_a_later_one_sent(early):
    with _Forwarding(None) as signals:
        if early:
            os.kill(os.getpid(), signal.SIGUSR1)
        with subprocess.Popen(["sleep", "30"]) as child:
            signals.to(child)
            if not early:
                os.kill(os.getpid(), signal.SIGUSR1)
    assert child.returncode == -signal.SIGUSR1
