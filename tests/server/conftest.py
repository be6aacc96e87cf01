"""A running server for the tests of a module."""

import pytest
from harness import running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    directory.chmod(0o700)
    with running(directory) as started:
        yield started


@pytest.fixture(scope="module")
def admin(server):
    return server.client()
