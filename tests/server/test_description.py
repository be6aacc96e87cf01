"""The published description, checked from outside: no server error, no answer it does not announce."""

import re
import subprocess

import pytest
from compatibility import python_tool

EXAMPLES = 12  # for each of the 70 operations and phase; some 2,500 requests


@pytest.fixture
def tool(pytestconfig):
    return python_tool(pytestconfig.cache.mkdir("clients"), "schemathesis", "4.32.5") / "schemathesis"


def test_every_answer_is_announced(server, admin, tool):
    command = [tool, "run", server.url.replace("/api", "/openapi.json"), "--no-color", "--continue-on-failure"]
    command += ["--header", f"X-Authorization: {admin.headers['X-Authorization']}", "--max-examples", str(EXAMPLES)]
    command += ["--phases", "coverage,fuzzing", "--suppress-health-check", "all", "--warnings", "off", "--seed", "7"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stdout[-6000:]
    generated, passed = map(int, re.search(r"(\d+) generated, (\d+) passed", run.stdout).groups())
    assert generated == passed > 1000
