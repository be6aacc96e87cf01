"""Fixtures for tests of task definitions, and reports of failed tests that show no canary.

What is hidden are the values that ``secretref.testing`` has issued: canaries, and values given to a ``FakeProvider``.
A test run that never imports ``secretref.testing`` pays nothing.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretref.testing import FakeProvider

_WIDER = pytest.StashKey[list[str]]()  # issued by fixtures that outlive the test
_CHECK = pytest.StashKey[bool]()


@pytest.fixture
def secretref_provider() -> FakeProvider:
    """Give a ``FakeProvider`` without values; ``secretref_provider.canary("NAME")`` adds one."""
    from secretref.testing import FakeProvider  # noqa: PLC0415 - only who uses it pays for it

    return FakeProvider()


@pytest.fixture
def secretref_no_leak(request: pytest.FixtureRequest) -> None:
    """Fail the test when what it prints or logs holds a canary, in any form.

    For all tests at once, put this into ``conftest.py``::

        @pytest.fixture(autouse=True)
        def no_leak(secretref_no_leak): ...
    """
    request.node.stash[_CHECK] = True


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting ``secretref_redact_reports``."""
    parser.addini(
        "secretref_redact_reports", "Hide canaries in reports of tests (default: true).", "bool", default=True
    )


def _issued() -> deque[str]:
    module = sys.modules.get("secretref.testing._fake")
    return module.issued if module else deque()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Forget what the test has issued, but not what wider fixtures and modules have."""
    before = list(_issued())
    wider = item.config.stash.setdefault(_WIDER, [])
    try:
        return (yield)
    finally:
        issued = _issued()
        issued.clear()
        issued.extend(before + wider)
        wider.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Note what fixtures issue that outlive the test."""
    before = len(_issued())
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            request.config.stash.setdefault(_WIDER, []).extend(islice(_issued(), before, None))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Look at the finished report: check it for ``secretref_no_leak``, then hide what it must not show."""
    report = yield
    if _issued():
        from secretref.testing._reports import check, redact  # noqa: PLC0415 - see above

        if item.stash.get(_CHECK, False) and check(report, _issued()):
            item.stash[_CHECK] = False
        if item.config.getini("secretref_redact_reports"):
            redact(report, _issued())
    return report
