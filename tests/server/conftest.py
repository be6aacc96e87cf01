"""A running server for the tests of a module, and a browser for those marked so."""

import time

import pytest
from harness import running
from postgresql import schema


def pytest_generate_tests(metafunc):
    """Run the modules that ask for it on both databases, as ``DATABASES = ("sqlite", "postgres")``."""
    if "server" in metafunc.fixturenames and hasattr(metafunc.module, "DATABASES"):
        metafunc.parametrize("server", metafunc.module.DATABASES, indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    directory.chmod(0o700)
    place = ()
    if getattr(request, "param", "sqlite") == "postgres":
        place = ("--store", schema(request.getfixturevalue("postgres")), "--key", f"file:{directory / 'key'}")
    with running(directory, *place) as started:
        yield started


@pytest.fixture(scope="module")
def admin(server):
    return server.client()


@pytest.fixture(scope="module")
def playwright():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright):
    from dashboard_page import FLAGS, chromium

    started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def dashboard(server, browser):
    """The dashboard in a new session; at the end, nothing broke and nothing was asked of other hosts."""
    from dashboard_page import Dashboard

    context = browser.new_context()
    shown = Dashboard.open(server, context.new_page())
    yield shown
    shown.close()
    context.close()


@pytest.fixture
def secret(admin):
    """A secret of its own for each test."""
    name = f"held_{time.monotonic_ns()}"
    assert admin.put(f"/secrets/{name}", content="cnry-Db70-held").status_code == 200
    yield name
    admin.delete(f"/secrets/{name}")
