"""What holds for every test."""

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def no_canary_in_output_or_log(secretref_no_leak):
    """A test fails when what it prints or logs holds a canary."""
