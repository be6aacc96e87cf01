"""Fixtures for tests of task definitions, and reports that show no canary."""

import re
from pathlib import Path

import pytest

from secretref.testing import assert_no_leak
from secretref.testing._fake import MARKER, issued


@pytest.fixture
def run(pytester):
    """Run a test file in a session of its own; return outcomes, output and the canaries found in the latter."""

    def run(code, *options):
        pytester.makepyfile(code)
        result = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "no:cov", "-p", "no:cacheprovider", *options)
        return result.parseoutcomes(), result.stdout.str() + result.stderr.str()

    return run


def shown(output):
    """Canaries that stand in *output*, even cut short."""
    return re.findall(rf"{MARKER}[A-Za-z0-9]{{4,}}", output)


def test_the_fixture_gives_a_fake_provider(run):
    outcomes, _ = run("""
        def test_it(secretref_provider):
            value = secretref_provider.canary("A")
            assert secretref_provider.fetch(frozenset({"A"}))["A"].get_secret_value() == value
            assert secretref_provider.calls == [frozenset({"A"})]
    """)
    assert outcomes == {"passed": 1}


FAILING = """
    import pytest
    from secretref.testing import FakeProvider, canary

    AT_IMPORT = canary()

    @pytest.fixture(scope="module")
    def wide():
        return canary("special")

    def test_assert(secretref_provider, wide):
        value = secretref_provider.canary("A")
        print("printed", value, wide)
        assert value == AT_IMPORT, f"message with {wide!r}"

    def test_again(wide):
        assert (wide, AT_IMPORT) == ()

    def test_long():
        value = canary()
        assert "x" * 200 + value * 9 + "y" * 200 == 3

    def test_diff(record_property):
        value = canary("multiline")
        record_property("value", value)
        assert [value, 1] == [value.upper(), 2]

    def test_raise(provider_value=FakeProvider({"A": AT_IMPORT * 2})):
        value = canary()
        try:
            raise ValueError(value)
        except ValueError:
            raise KeyError(value.encode().hex())

    def test_skip():
        pytest.skip(canary())

    @pytest.fixture
    def bad():
        raise OSError(canary("special"))

    def test_setup(bad):
        pass
"""


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-l", "-vv"),
        ("--tb=short", "-rA"),
        ("--tb=native",),
        ("--tb=line",),
        ("--junitxml=junit.xml", "-o", "junit_family=xunit1"),
    ],
)
def test_reports_show_no_canary(run, pytester, options):
    outcomes, output = run(FAILING, *options)
    assert outcomes == {"failed": 5, "skipped": 1, "errors": 1}
    files = [path.read_text() for path in pytester.path.glob("*.xml")]
    assert len(files) == ("junit" in str(options))
    assert shown("".join([output, *files])) == []
    assert "***" in output


def test_reports_can_be_left_as_they_are(run, pytester):
    pytester.makeini("[pytest]\nsecretref_redact_reports = false")
    outcomes, output = run("""
        from secretref.testing import canary
        def test_it():
            assert canary() == 1
    """)
    assert outcomes == {"failed": 1}
    assert len(shown(output)) > 0


def test_clean_reports_are_not_touched(run):
    outcomes, output = run("""
        from secretref.testing import FakeProvider
        def test_it():
            FakeProvider({"A": "short"})
            assert {"short": 1} == 2
        def test_other(secretref_provider):
            secretref_provider.canary("A")
            print("innocent")
            assert {"a": 1} == 2
    """)
    assert outcomes == {"failed": 2}
    assert "assert {'short': 1} == 2" in output
    assert "assert {'a': 1} == 2" in output
    assert "innocent" in output


LEAKING = """
    import base64, logging, sys, pytest
    from secretref.testing import canary

    pytestmark = pytest.mark.usefixtures("secretref_no_leak")

    @pytest.fixture
    def early():
        value = canary()
        print(value)
        return value

    @pytest.fixture
    def late():
        value = canary()
        yield value
        print(value)

    def test_print():
        print(canary())

    def test_error_output():
        sys.stderr.write(base64.b64encode(canary("special").encode()).decode())

    def test_log():
        logging.getLogger("x").warning("%s", {"key": canary()})

    def test_failing_too():
        print(canary())
        assert 0, "its own failure"

    def test_early(early):
        pass

    def test_late(late):
        pass

    def test_clean():
        print(len(canary()))

    def test_without_a_canary():
        print("text")
"""


def test_what_is_printed_or_logged_must_hold_no_canary(run):
    outcomes, output = run(LEAKING)
    assert outcomes == {"failed": 4, "errors": 2, "passed": 3}
    assert shown(output) == []
    assert "a canary leaked in Captured stdout call, plain" in output
    assert "a canary leaked in Captured stderr call, as base64" in output
    assert "a canary leaked in Captured log call, plain" in output
    assert "a canary leaked in Captured stdout setup, plain" in output
    assert "a canary leaked in Captured stdout teardown, plain" in output
    assert "its own failure" in output


def test_without_the_fixture_nothing_is_checked(run):
    assert run("""
        from secretref.testing import canary
        def test_it():
            print(canary())
    """)[0] == {"passed": 1}


def test_what_a_test_issued_is_forgotten_and_what_a_module_issued_is_not(run):
    before = list(issued)
    outcomes, _ = run(
        """
        import pytest
        from secretref.testing import canary
        from secretref.testing._fake import issued
        AT_IMPORT = canary()
        @pytest.fixture(scope="module")
        def wide():
            return canary()
        def test_one(wide, secretref_provider):
            secretref_provider.canary("A")
            assert {AT_IMPORT, wide} <= set(issued)
        def test_two(wide):
            assert {AT_IMPORT, wide} <= set(issued)
            assert len(issued) == EXPECTED
    """.replace("EXPECTED", str(len(before) + 2))
    )
    assert outcomes == {"passed": 2}
    assert_no_leak(str(outcomes), *list(issued)[len(before) :] or ["nothing at all"])


def test_the_first_example_of_the_documentation_runs(run):
    page = (Path(__file__).parents[1] / "docs" / "testing.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    body = code.partition("def test_")[2].strip().splitlines()
    assert len(body) <= 10
    assert run(code)[0] == {"passed": 1}


def test_a_run_that_never_uses_the_library_does_not_import_it(pytester):
    pytester.makepyfile("""
        import sys
        def test_it():
            assert not [name for name in sys.modules if name.startswith(("secretref.testing", "secretref.providers"))]
    """)
    pytester.runpytest_subprocess(
        "-p", "no:xdist", "-p", "no:cov", "-p", "no:hypothesispytest", timeout=60
    ).assert_outcomes(passed=1)
