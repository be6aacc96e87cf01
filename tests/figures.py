"""Sizes of tests, figures they print, and values worth searching for."""

import os

from pydantic import SecretStr

FULL = os.environ.get("SECRETREF_FULL") == "1"


def size(quick, full):
    """Pick the size of a test: quick for every change, full for releases (``SECRETREF_FULL=1``)."""
    return full if FULL else quick


def report(capsys, text):
    """Print a figure past pytest's capture."""
    with capsys.disabled():
        print(f"\n  {text}")  # noqa: T201 - figures are the point


def canary(number=0):
    """Return a value whose every run of eight characters is worth searching for."""
    return SecretStr(f"cAnArY{number:04d}-{os.urandom(12).hex()}-{number:04d}yRaNaC")
