"""The server on PostgreSQL: several of them on one store, killed, and cut off from the database.

The REST contract itself runs on both databases, see ``DATABASES`` in the modules beside this one.
"""

import threading

import psycopg
import pytest
from harness import running
from postgresql import schema

VALUE = "cnry-Pg84-postgres-value"


@pytest.fixture
def options(tmp_path, postgres):
    """Where the store is, and its key; each server has a directory of its own for nothing else."""
    tmp_path.chmod(0o700)
    return "--store", schema(postgres), "--key", f"file:{tmp_path / 'key'}"


def test_two_servers_on_one_database_are_one_service(tmp_path, options):
    """Grants and revocations count at the other from the next request on, and nothing that both write is lost."""
    with running(tmp_path, *options) as one, running(tmp_path, *options) as two:
        here, there = one.client(), two.client(one.key_id, one.key_secret)
        app, client = one.application(here)
        here.put("/secrets/shared", content=VALUE)
        body = {
            "subject": {"type": "USER", "id": f"app:{app}"},
            "target": {"type": "SECRET_NAME", "id": "shared"},
            "access": ["READ"],
        }
        token = {"X-Authorization": client.headers["X-Authorization"]}
        for _ in range(5):
            assert there.get("/secrets/shared", headers=token).status_code == 403
            here.post("/auth/authorization", json=body)
            assert there.get("/secrets/shared", headers=token).text == VALUE
            there.request("DELETE", "/auth/authorization", json=body)
            assert client.get("/secrets/shared").status_code == 403

        def write(server, word):
            own = server.client(one.key_id, one.key_secret)
            for number in range(20):
                assert own.put(f"/secrets/{word}_{number}", content=VALUE).status_code == 200

        threads = [
            threading.Thread(target=write, args=(server, f"{word}{number}"))
            for server, word in ((one, "one"), (two, "two"))
            for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(here.post("/secrets").json()) == len(there.post("/secrets").json()) == 121


def test_a_killed_server_starts_again_with_everything_acknowledged(tmp_path, options):
    key = None
    for number in range(2):
        with running(tmp_path, *options) as server:
            key = key or (server.key_id, server.key_secret)
            client = server.client(*key)
            assert client.post("/secrets").json() == [f"n{done}" for done in range(number)]
            assert client.put(f"/secrets/n{number}", content=VALUE).status_code == 200
            server.process.kill()
            server.process.wait(timeout=10)


def test_a_database_that_hangs_up_is_asked_again(tmp_path, options):
    """The administrator ends all sessions: the next read and the next write are answered as if nothing had been."""
    with running(tmp_path, *options) as server:
        client = server.client()
        client.put("/secrets/held", content=VALUE)
        for _ in range(3):
            with psycopg.connect(options[1], autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                )
            assert client.get("/secrets/held").text == VALUE
            assert client.put("/secrets/held", content=VALUE).status_code == 200
        assert len(client.get("/secrets/held/versions").json()) == 4
