"""A process that holds values leaves no dump of them."""

import subprocess
import sys

import pytest

CODE = """
import ctypes, resource
from secretref._process import forbid_dumps
forbid_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux")
def test_core_files_and_debuggers_are_forbidden():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0 0\n"
