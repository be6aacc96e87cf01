"""A process that holds values leaves no dump of them."""

import ctypes
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from secretref._process import forbid_dumps

CODE = """
import ctypes, resource
from secretref._process import forbid_dumps
forbid_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.fixture
def asked(monkeypatch):
    """Record what is asked of the system instead of asking it."""
    requests = []
    monkeypatch.setattr(resource, "setrlimit", lambda *request: requests.append(request))
    library = SimpleNamespace(prctl=lambda *request: requests.append(request))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    return requests


def test_core_files_and_debuggers_are_forbidden():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0 0\n"


@pytest.mark.parametrize(("platform", "count"), [("linux", 2), ("darwin", 1)])
def test_each_system_is_asked_for_what_it_knows(asked, monkeypatch, platform, count):
    monkeypatch.setattr(sys, "platform", platform)
    forbid_dumps()
    assert len(asked) == count
    assert asked[0][0] == resource.RLIMIT_CORE
    assert asked[0][1][0] == 0


def test_a_system_without_limits_is_left_alone(asked, monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    forbid_dumps()
    assert asked == []
