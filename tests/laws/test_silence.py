"""Errors keep silent: whatever line fails on the way to a resolved input, no frame of ours shows a value."""

import sys
import traceback
from pathlib import Path

import pytest

import secretref
from secretref import Policy, Resolver, Template
from secretref.testing import FakeProvider, assert_no_leak, canary

SOURCE = Path(secretref.__file__).parent
DOORS = {"_document.py"}  # works on plain text, and catches what goes wrong itself
TEMPLATE = Template.compile(["x${workflow.secrets.A}", "${workflow.secrets.C.k}", "${workflow.input.x}"])


class InjectedError(Exception):
    pass


def lines_run(call):
    """Return the lines of the library that *call* runs, each once, in order."""
    seen = {}

    def trace(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(SOURCE):
            return None
        if event == "line":
            seen[path, frame.f_lineno] = None
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return list(seen)


def failing_at(place, call):
    """Run *call*, fail at one line, and return what comes out."""
    path, number = place

    def trace(frame, event, _):
        if frame.f_code.co_filename != str(path):
            return trace if Path(frame.f_code.co_filename).is_relative_to(SOURCE) else None
        if event == "line" and frame.f_lineno == number:
            raise InjectedError
        return trace

    sys.settrace(trace)
    try:
        call()
    except Exception as error:
        return error
    finally:
        sys.settrace(None)
    return None


def shown(value):
    try:
        return repr(value)
    except Exception:  # an object whose making was interrupted
        return ""


@pytest.mark.parametrize("bound", [False, True])
def test_a_fault_at_any_line_of_resolving_shows_no_value(bound, record_property):
    values = [canary(), canary()]
    provider = FakeProvider({"A": values[0], "C": f'{{"k": "{values[1]}"}}'})
    events = []
    resolver = Resolver(provider, policy=Policy.allow_all(), audit=events.append)
    options = (
        {"bound": ["x${workflow.secrets.A}", "${workflow.secrets.C.k}", 5]}
        if bound
        else {"data": {"workflow": {"input": {"x": [1]}}}}
    )

    def resolve():
        resolver.resolve(TEMPLATE, subject="app:x", **options)

    resolve()
    places = [place for place in lines_run(resolve) if place[0].name not in DOORS]
    failures = 0
    for place in places:
        error = failing_at(place, resolve)
        if error is None:
            continue
        failures += 1
        for frame, _ in traceback.walk_tb(error.__traceback__):
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(SOURCE) and path.name not in DOORS:
                assert_no_leak([shown(value) for value in frame.f_locals.values()], *values)
    record_property("lines failed", failures)
    assert failures > 0.9 * len(places) > 100
