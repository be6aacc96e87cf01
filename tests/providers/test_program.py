"""Run a program."""

import asyncio
import json
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from secretref import Policy, Resolver, Template
from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import load
from secretref.providers.cache import CacheProvider
from secretref.providers.chain import ChainProvider
from secretref.providers.program import ProgramProvider
from secretref.testing import ProviderContract, assert_no_leak, canary

# Prints the content of a file in the folder given, as `pass show NAME` would.
SHOW = """
import pathlib, sys
file = pathlib.Path(sys.argv[1], sys.argv[2])
sys.stderr.write("asked for it: " + (file.read_text() if file.exists() else "nothing"))
sys.stdout.buffer.write(file.read_bytes()) if file.exists() else sys.exit(3)
"""
SHOW_ALL = """
import json, pathlib, sys
values = json.loads(pathlib.Path(sys.argv[1]).read_bytes())
json.dump({name: values[name] for name in json.loads(sys.argv[2]) if name in values}, sys.stdout)
"""
PYTHON = (sys.executable, "-S", "-E", "-c")


def python(code, *arguments, **options):
    return ProgramProvider((*PYTHON, code, *arguments), **options)


def fetch(provider, *names):
    return {name: value.get_secret_value() for name, value in provider.fetch(frozenset(names)).items()}


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        for name, value in values.items():
            (tmp_path / name).write_bytes(value.encode())
        return ProgramProvider(
            ("/bin/sh", "-c", 'test -e "$1/$2" || exit 3; exec cat "$1/$2"', "sh", str(tmp_path), "{name}"),
            missing_codes={3},
            strip_newline=False,
            timeout=60,
        )

    def broken(self, values, tmp_path):
        for name, value in values.items():
            (tmp_path / name).write_text(value)
        return python(SHOW + "\nsys.exit(1)", str(tmp_path), "{name}", timeout=60)


class TestBatchContract(ProviderContract):
    def provider(self, values, tmp_path):
        (tmp_path / "all.json").write_text(json.dumps(values))
        return python(SHOW_ALL, str(tmp_path / "all.json"), "{names}", timeout=60)

    def broken(self, values, tmp_path):
        (tmp_path / "all.json").write_text(json.dumps(values)[1:])
        return python(SHOW_ALL, str(tmp_path / "all.json"), "{names}", timeout=60)


@pytest.mark.parametrize(
    ("printed", "stripped"), [("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), ("x", "x"), (" x ", " x "), ("", "")]
)
def test_one_final_line_end_goes_unless_told_otherwise(printed, stripped):
    script = ("/bin/sh", "-c", 'printf %s "$1"', "sh", printed, "{name}")
    assert fetch(ProgramProvider(script), "A") == {"A": stripped}
    assert fetch(ProgramProvider(script, strip_newline=False), "A") == {"A": printed}


def test_the_name_is_one_argument_and_there_is_no_shell():
    show = "import sys, json; json.dump(sys.argv[1:], sys.stdout)"
    provider = python(show, "op://vault/{name}/password", "$(id);", "*")
    assert fetch(provider, "A_b-1") == {"A_b-1": '["op://vault/A_b-1/password", "$(id);", "*"]'}


def test_a_name_cannot_pass_for_an_option():
    ran = python("print('x')", "{name}")
    assert fetch(ran, "-h", "--help", "-", "A") == {"A": "x"}
    assert fetch(python("print('x')", "--name={name}"), "-h") == {"-h": "x"}


def test_only_the_codes_named_mean_missing(tmp_path):
    provider = python(SHOW, str(tmp_path), "{name}", missing_codes=[3], timeout=60)
    assert fetch(provider, "A") == {}
    with pytest.raises(ProviderError, match="exit code 3"):
        python(SHOW, str(tmp_path), "{name}", timeout=60).fetch(frozenset("A"))
    with pytest.raises(ProviderError, match="signal 9"):
        python("import os; os.kill(os.getpid(), 9)", "{name}", missing_codes=[9]).fetch(frozenset("A"))
    assert fetch(python("raise SystemExit(3)", "{names}", missing_codes=[3]), "A") == {}


def test_all_failed_names_are_reported_and_nothing_is_returned():
    code = "import sys; sys.exit(1 if sys.argv[1] in 'BD' else 0)"
    with pytest.raises(ProviderError) as caught:
        python(code, "{name}", timeout=60).fetch(frozenset("ABCD"))
    assert caught.value.names == {"B", "D"}


def test_standard_error_is_dropped(capfd, tmp_path):
    value = canary("special")
    (tmp_path / "A").write_text(value)
    assert fetch(python(SHOW, str(tmp_path), "{name}", timeout=60), "A") == {"A": value}
    with pytest.raises(ProviderError) as caught:
        python(SHOW + "\nraise SystemExit(file.read_text())", str(tmp_path), "{name}").fetch(frozenset("A"))
    assert_no_leak([*capfd.readouterr(), caught.value], value)


def test_standard_input_is_empty():
    assert fetch(python("import sys; print(repr(sys.stdin.read()))", "{name}"), "A") == {"A": "''"}


SLEEPS = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
file = pathlib.Path(sys.argv[1])
file.with_suffix(".tmp").write_text(f"{os.getpid()} {child.pid}")
file.with_suffix(".tmp").rename(file)
"""


@pytest.mark.parametrize(
    "rest", ["time.sleep(600)", "os.close(1); time.sleep(600)", ""], ids=["waits", "closes", "leaves a child"]
)
def test_too_long_means_killed_with_all_it_started(tmp_path, rest):
    heir = "" if not rest.startswith("os.close") else ", stdout=subprocess.DEVNULL"
    code = SLEEPS.replace('600)"]', f'600)"]{heir}') + rest
    provider = python(code, str(tmp_path / "pids"), "{name}", timeout=3)
    start = time.monotonic()
    with pytest.raises(ProviderUnavailableError, match="timeout"):
        provider.fetch(frozenset("A"))
    assert time.monotonic() - start < 60, "it waited for the program instead"
    for pid in (tmp_path / "pids").read_text().split():
        assert gone(int(pid)), "a process is left"


def gone(pid):
    """Killed processes stay as zombies until whoever inherited them looks."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_the_timeout_is_for_the_whole_fetch():
    provider = python("import time; time.sleep(600)", "{name}", timeout=1, parallel=2)
    start = time.monotonic()
    with pytest.raises(ProviderUnavailableError) as caught:
        provider.fetch(frozenset("ABCDEF"))
    assert caught.value.names == set("ABCDEF")
    assert time.monotonic() - start < 30, "one timeout after another"


@pytest.mark.parametrize("mark", ["{name}", "{names}"])
def test_endless_output_is_cut_off(mark):
    endless = "import sys\nwhile True: sys.stdout.write('x' * 10000)"
    with pytest.raises(ProviderError, match="output larger than 1000 bytes"):
        python(endless, mark, max_bytes=1000, timeout=60).fetch(frozenset("A"))


@pytest.mark.parametrize(
    "printed", ["", "[]", "null", "{", '{"A": 1}', '{"A": null}', '{"A": "1", "A": "2"}', "\\xff", '{"A": "1"} 2']
)
def test_a_batch_must_answer_in_json(printed):
    with pytest.raises(ProviderError):
        python(f"import sys; sys.stdout.buffer.write(b'{printed}')", "{names}").fetch(frozenset("A"))


def test_a_batch_gets_all_names_at_once_and_may_answer_more(tmp_path):
    code = (
        "import sys, json; open(sys.argv[1], 'a').write(sys.argv[2]);"
        "print(json.dumps({'A': 'a', 'X': 'x', 'B': {'port': 1}}))"
    )
    provider = python(code, str(tmp_path / "log"), "{names}")
    assert fetch(provider, "A", "B", "-C", "../D") == {"A": "a", "B": '{"port":1}'}
    assert (tmp_path / "log").read_text() == '["-C", "A", "B"]'
    assert fetch(provider) == fetch(provider, "../D") == {}
    assert (tmp_path / "log").read_text() == '["-C", "A", "B"]'


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(ProviderError, match="FileNotFoundError"):
        ProgramProvider(("/nowhere/pass", "{name}")).fetch(frozenset("A"))


def test_output_that_is_no_text_is_refused():
    with pytest.raises(ProviderError, match="UnicodeDecodeError"):
        python("import sys; sys.stdout.buffer.write(b'\\xff')", "{name}").fetch(frozenset("A"))


def test_it_is_built_from_a_url():
    url = "program:///bin/echo?arg=-n&arg=a%20b/{name}&timeout=2.5&missing_code=1&missing_code=2&strip_newline=no&parallel=3"
    provider = load(url)
    expected = ProgramProvider(
        ("/bin/echo", "-n", "a b/{name}"), timeout=2.5, missing_codes={1, 2}, strip_newline=False, parallel=3
    )
    assert provider == expected
    assert fetch(provider, "A") == {"A": "a b/A"}


@pytest.mark.parametrize(
    "url",
    [
        "program:///bin/echo",
        "program:///bin/echo?arg=x",
        "program:///bin/{name}?arg=x",
        "program:///bin/echo?arg={name}&arg={names}",
        "program:///bin/echo?arg={name}&missing_code=0",
        "program:///bin/echo?arg={name}&missing_code=256",
        "program:///bin/echo?arg={name}&missing_code=x",
        "program:///bin/echo?arg={name}&timeout=0",
        "program://?arg={name}",
    ],
)
def test_wrong_settings_are_refused(url):
    with pytest.raises(ConfigurationError):
        load(url)


def test_it_does_not_show_its_arguments():
    secret = canary()
    provider = ProgramProvider(("/bin/echo", f"--token={secret}", "{name}"))
    assert_no_leak(repr(provider), secret)


class Trace:
    """The processes of one run, the program and a child of it."""

    def __init__(self, folder):
        self.file = folder / "pids"

    def provider(self, **options):
        return python(SLEEPS + "time.sleep(600)", str(self.file), "{name}", timeout=120, **options)

    def wait(self):
        for _ in range(1_000):
            if self.file.exists():
                return
            time.sleep(0.02)
        pytest.fail("the program did not start")

    @property
    def ended(self):
        return all(gone(int(pid)) for pid in self.file.read_text().split())


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path)


@pytest.mark.parametrize("layer", [lambda provider: provider, ChainProvider, CacheProvider])
def test_who_is_cancelled_leaves_no_program_behind(trace, layer):
    resolver = Resolver(layer(trace.provider()), policy=Policy.allow_all())

    async def cancelled():
        task = asyncio.create_task(resolver.aresolve(Template.compile("${workflow.secrets.A}"), subject="app:x"))
        await asyncio.to_thread(trace.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(lambda: trace.ended)

    asyncio.run(cancelled())


def test_cancelling_waits_until_the_program_is_reaped(trace):
    async def cancelled():
        task = asyncio.create_task(trace.provider().afetch(frozenset("A")))
        await asyncio.to_thread(trace.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return Path("/proc", trace.file.read_text().split()[0])

    assert not asyncio.run(cancelled()).exists()


@pytest.mark.parametrize("layer", [lambda provider: provider, ChainProvider, CacheProvider])
def test_the_deadline_of_a_resolution_ends_the_program(trace, layer):
    resolver = Resolver(layer(trace.provider()), policy=Policy.allow_all(), deadline=2)
    with pytest.raises(ProviderUnavailableError):
        resolver.resolve(Template.compile("${workflow.secrets.A}"), subject="app:x")
    assert trace.ended


def test_the_deadline_of_an_asynchronous_resolution_ends_the_program(trace):
    async def late():
        resolver = Resolver(trace.provider(), policy=Policy.allow_all(), deadline=2)
        await resolver.aresolve(Template.compile("${workflow.secrets.A}"), subject="app:x")

    with pytest.raises(ProviderUnavailableError, match="deadline exceeded"):
        asyncio.run(late())
    assert trace.ended


def test_an_interrupt_ends_the_programs(trace):
    main = threading.get_ident()
    interrupt = threading.Thread(target=lambda: (trace.wait(), signal.pthread_kill(main, signal.SIGINT)))
    interrupt.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        trace.provider(parallel=1).fetch(frozenset("AB"))
    interrupt.join()
    assert time.monotonic() - start < 60
    assert trace.ended
