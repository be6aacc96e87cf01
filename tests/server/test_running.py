"""The process: the first key is shown once, it drains, it survives being killed, and it keeps to itself."""

import asyncio
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from harness import running
from pydantic import SecretStr

from secretref.errors import AuditError, ConfigurationError, ProviderUnavailableError
from secretref.server import bootstrap, create_app, serve
from secretref.store import open_store

VALUE = "cnry-Rn63-running-value"


@pytest.fixture
def directory(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def test_the_first_key_is_shown_once_and_stays_valid(directory):
    with running(directory) as first:
        assert first.key_id
        assert len(first.key_secret) >= 22
        key = first.key_id, first.key_secret
    with running(directory) as second:
        assert (second.key_id, second.key_secret) == ("", "")
        assert second.client(*key).get("/token/userInfo").json()["id"] == "app:admin"


def test_a_stopped_server_answers_what_is_under_way(directory):
    """SIGTERM under load: every request that was accepted is answered."""
    with running(directory) as server:
        client = server.client()
        client.put("/secrets/under_way", content=VALUE)
        outcomes, stop = [], threading.Event()

        def load():
            with httpx.Client(base_url=server.url, headers=client.headers, trust_env=False, timeout=20) as own:
                while not stop.is_set():
                    try:
                        outcomes.append(own.get("/secrets/under_way").text == VALUE)
                    except httpx.ConnectError:  # refused: not accepted any more
                        break
                    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                        break  # an idle connection was closed as the next request went out: that one was not read

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(timeout=20)
        stop.set()
        assert server.process.wait(timeout=20) in {0, -signal.SIGTERM}
    assert len(outcomes) > 20
    assert all(outcomes)


def test_a_killed_server_starts_again_with_everything_acknowledged(directory):
    key = None
    for number in range(3):
        with running(directory) as server:
            key = key or (server.key_id, server.key_secret)
            client = server.client(*key)
            assert client.post("/secrets").json() == [f"n{done}" for done in range(number)]
            assert client.put(f"/secrets/n{number}", content=VALUE).status_code == 200
            server.process.kill()
            server.process.wait(timeout=10)


def test_two_servers_on_one_store_agree_at_the_next_request(directory):
    with running(directory) as one, running(directory) as two:
        admin, there = one.client(), two.client(one.key_id, one.key_secret)
        app, client = one.application(admin)
        admin.put("/secrets/shared", content=VALUE)
        elsewhere = httpx.Client(base_url=two.url, headers=client.headers, trust_env=False)
        body = {
            "subject": {"type": "USER", "id": f"app:{app}"},
            "target": {"type": "SECRET", "id": "shared"},
            "access": ["READ"],
        }
        for _ in range(10):
            assert elsewhere.get("/secrets/shared").status_code == 403
            admin.post("/auth/authorization", json=body)
            assert elsewhere.get("/secrets/shared").text == VALUE
            there.request("DELETE", "/auth/authorization", json=body)
            assert client.get("/secrets/shared").status_code == 403
        admin.delete(f"/applications/{app}")
        assert elsewhere.get("/secrets/shared").status_code == 401
        elsewhere.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_an_address_others_can_reach_needs_tls_and_a_word(host):
    for options in ({}, {"public": True}, {"certificate": "c", "key": "k"}):
        with pytest.raises(ConfigurationError, match="TLS"):
            serve(None, host=host, **options)


def test_tls(directory):
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += [
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        directory / "k.pem",
        "-out",
        directory / "c.pem",
    ]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    options = [
        "--public",
        "--host",
        "0.0.0.0",
        "--certificate",
        str(directory / "c.pem"),
        "--certificate-key",
        str(directory / "k.pem"),
    ]
    with running(directory, *options) as server:
        context = ssl.create_default_context(cafile=directory / "c.pem")
        url = server.url.replace("0.0.0.0", "localhost")
        body = {"keyId": server.key_id, "keySecret": server.key_secret}
        with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
            answer = client.post("/token", json=body)
            assert answer.status_code == 200
            assert "max-age" in answer.headers["strict-transport-security"]
        with (
            httpx.Client(base_url=url.replace("https", "http"), trust_env=False) as client,
            pytest.raises(httpx.HTTPError),
        ):
            client.post("/token", json=body)


def test_nobody_looks_into_the_process(directory):
    with running(directory) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        assert "Max core file size        0                    0" in limits
        command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        assert server.key_secret.encode() not in command


def test_nothing_that_was_sent_is_printed(directory):
    with running(directory) as server:
        client = server.client()
        client.put("/secrets/printed", content=VALUE)
        client.get("/secrets/printed")
        client.post("/token", json={"keyId": VALUE, "keySecret": VALUE})
        client.get(f"/nowhere/{VALUE}")
        client.put(f"/secrets/{VALUE}%ff", content=VALUE)
        server.process.terminate()
        printed = "".join(server.process.communicate(timeout=20))
        assert VALUE not in printed
        assert server.key_secret not in printed
        assert client.headers["X-Authorization"] not in printed
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert not [path for path in files if VALUE.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "fault", [AuditError("DiskFull"), ProviderUnavailableError("store", kind="DiskFull"), RuntimeError(VALUE)]
)
def test_nothing_is_released_when_the_audit_cannot_be_written(directory, monkeypatch, caplog, fault):
    with open_store(directory / "store.db", create=True) as store:
        key, secret = bootstrap(store)
        app = create_app(store)
        store.put("held", SecretStr(VALUE))

        async def ask():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api") as client:
                body = {"keyId": key.id, "keySecret": secret.get_secret_value()}
                client.headers["X-Authorization"] = (await client.post("/token", json=body)).json()["token"]
                assert (await client.get("/secrets/held")).text == VALUE
                monkeypatch.setattr(store.audit, "record", fail)
                return [
                    await client.get("/secrets/held"),
                    await client.post("/secrets/resolve", json={"names": ["held"]}),
                ]

        def fail(*_):
            raise fault

        for answer in asyncio.run(ask()):
            assert answer.status_code == (500 if isinstance(fault, RuntimeError) else 503)
            assert answer.headers["cache-control"] == "no-store"
            assert VALUE not in answer.text
    assert VALUE not in caplog.text


def test_a_damaged_secret_is_told_by_name_in_a_batch(directory):
    with open_store(directory / "store.db", create=True) as store:
        bootstrap(store)
        for name in ("good", "bad", "other"):
            store.put(name, SecretStr(f"{VALUE}-{name}"))
    with sqlite3.connect(directory / "store.db") as database:
        (body,) = database.execute("SELECT body FROM secretref_versions WHERE name = 'bad'").fetchone()
        flipped = body[:-20] + bytes([body[-20] ^ 1]) + body[-19:]
        database.execute("UPDATE secretref_versions SET body = ? WHERE name = 'bad'", (flipped,))
    database.close()
    with open_store(directory / "store.db") as store:
        key, secret = store.access_keys.issue("admin", actor="test")
    with running(directory) as server:
        client = server.client(key.id, secret.get_secret_value())
        results = client.post("/secrets/resolve", json={"names": ["good", "bad", "other"]}).json()["results"]
        assert {name: result["outcome"] for name, result in results.items()} == {
            "good": "FOUND",
            "bad": "UNREADABLE",
            "other": "FOUND",
        }
        assert client.get("/secrets/bad").status_code >= 500
        assert client.get("/secrets/good").text == f"{VALUE}-good"


def test_without_the_extra_the_error_is_the_install_command():
    program = "import sys; sys.modules['fastapi'] = None\nimport secretref.server"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "pip install 'secretref-workflow[server]'" in run.stderr
