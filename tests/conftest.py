"""What holds for every test."""

import postgresql
import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

settings.register_profile("quick", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile("deep", max_examples=5000, deadline=None, database=None)  # --hypothesis-profile=deep
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def no_canary_in_output_or_log(secretref_no_leak):
    """A test fails when what it prints or logs holds a canary."""


@pytest.fixture(scope="session")
def postgres():
    """The address of a real PostgreSQL that lives as long as the session."""
    with postgresql.running() as url:
        yield url
