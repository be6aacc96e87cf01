"""The walk from an empty server to a parcel's price, as the example tells it."""

import subprocess
import sys
from pathlib import Path

import pytest

WALK = Path(__file__).parents[2] / "examples" / "founding" / "walk.py"


@pytest.mark.parametrize("way", ["curl", "sdk"])
def test_the_walk(way):
    run = subprocess.run([sys.executable, WALK, way], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout == f"by {way}: free, put, taken, refused, granted, $82.10, revoked, refused\n"
    assert "471POSTAL0815" not in run.stdout + run.stderr
