"""What an operator can switch, in one process with a store of its own."""

import asyncio
from typing import get_args

import httpx
import pytest
from pydantic import SecretStr

from secretref._grant import TARGETS
from secretref.server import Settings, bootstrap, create_app
from secretref.server._access import ROLES
from secretref.server._bodies import Permission, TargetType
from secretref.server._guesses import Guesses
from secretref.server._run import PatientProtocol
from secretref.store import open_store


def ask(directory, settings, *calls):
    """Send calls as the administrator of a new store."""
    directory.chmod(0o700)

    async def run(store):
        key, secret = bootstrap(store)
        transport = httpx.ASGITransport(app=create_app(store, settings=settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
            body = {"keyId": key.id, "keySecret": secret.get_secret_value()}
            client.headers["X-Authorization"] = (await client.post("/token", json=body)).json()["token"]
            return [await client.request(method, path, **more) for method, path, more in calls]

    with open_store(directory / "store.db", create=True) as store:
        return asyncio.run(run(store))


def test_bodies_can_be_kept_as_they_are(tmp_path):
    _, got = ask(
        tmp_path, Settings(verbatim=True), ("PUT", "/secrets/a", {"content": '"x"'}), ("GET", "/secrets/a", {})
    )
    assert got.text == '"x"'


def test_answers_can_be_plain_always(tmp_path):
    json_only = {"headers": {"Accept": "application/json"}}
    _, got = ask(
        tmp_path, Settings(plain=True), ("PUT", "/secrets/a", {"content": "x"}), ("GET", "/secrets/a", json_only)
    )
    assert (got.text, got.headers["content-type"]) == ("x", "text/plain; charset=utf-8")


@pytest.mark.parametrize("status", [200, 404, 500])
def test_what_deleting_nothing_answers(tmp_path, status):
    (got,) = ask(tmp_path, Settings(delete_absent=status), ("DELETE", "/secrets/absent", {}))
    assert got.status_code == status


def test_pages_of_a_named_origin_may_call(tmp_path):
    settings = Settings(origins=frozenset({"https://tools.example"}))
    calls = [
        ("GET", "/secrets", {"headers": {"Origin": origin}})
        for origin in ("https://tools.example", "https://evil.example")
    ]
    assert [got.status_code for got in ask(tmp_path, settings, *calls)] == [200, 403]


def test_a_body_that_does_not_arrive_is_a_408(tmp_path):
    async def never():
        yield b"a"
        await asyncio.sleep(5)

    (got,) = ask(tmp_path, Settings(body_timeout=0.2), ("PUT", "/secrets/a", {"content": never()}))
    assert got.status_code == 408


def test_a_client_that_leaves_stops_nobody_elses_read(tmp_path):
    tmp_path.chmod(0o700)

    async def run(store):
        app = create_app(store)
        key, secret = bootstrap(store)
        store.put("a", SecretStr("x"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost/api") as client:
            body = {"keyId": key.id, "keySecret": secret.get_secret_value()}
            token = (await client.post("/token", json=body)).json()["token"]
        reads = [asyncio.create_task(app.state.reads.read(token, frozenset({"a"}))) for _ in range(20)]
        await asyncio.sleep(0)
        reads[0].cancel()
        done = await asyncio.gather(*reads, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        assert all(outcomes["a"][0] == "FOUND" for outcomes in done[1:])

    with open_store(tmp_path / "store.db", create=True) as store:
        asyncio.run(run(store))


def test_a_second_bootstrap_makes_nobody(tmp_path):
    tmp_path.chmod(0o700)
    with open_store(tmp_path / "store.db", create=True) as store:
        assert bootstrap(store) is not None
        assert bootstrap(store) is None
        assert set(store.applications.all()) == {"admin", "orkes-workers"}


def test_every_target_of_the_api_is_one_of_a_policy():
    assert set(get_args(get_args(TargetType)[0])) <= TARGETS


def test_every_permission_of_a_role_can_be_given_to_another():
    assert frozenset().union(*ROLES.values()) - {"ALL"} <= set(get_args(Permission))


def test_a_pair_waits_longer_with_each_failure_and_is_forgiven():
    guesses = Guesses()
    waits = []
    for _ in range(12):
        guesses.failed("key", "a", "key")
        waits.append(guesses.wait("key", "a"))
    assert waits[:4] == [0.0] * 4
    assert waits[4:] == sorted(waits[4:])
    assert 30 < waits[-1] <= 60
    assert guesses.wait("key", "b") == guesses.wait("other", "a") == 0.0
    guesses.succeeded("key", "a")
    assert guesses.wait("key", "a") == 0.0


def test_an_address_is_delayed_for_two_seconds_at_most_and_memory_is_bounded():
    guesses = Guesses()
    assert guesses.delay("a") == 0.0
    for number in range(10_050):
        guesses.failed(str(number), "a", "")
    assert guesses.delay("a") == 2.0
    assert guesses.delay("b") == 0.0
    assert len(guesses._pairs) == 10_000


def test_a_head_that_dribbles_is_cut_off(monkeypatch):
    from secretref.server import _run

    monkeypatch.setattr(_run, "_HEADER_TIMEOUT", 0.2)

    async def run():
        import uvicorn

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

        config = uvicorn.Config(
            app, port=0, http=PatientProtocol, ws="none", lifespan="off", log_level="error", loop="asyncio"
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag only
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for first in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
            if first:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(first)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
            for byte in b"GET / HTT":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
            assert await asyncio.wait_for(reader.read(), 3) == b""
            writer.close()
        server.should_exit = True
        await task

    asyncio.run(run())
