"""A real server: its own process, its own store, on loopback; stopped by its pid."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx


@dataclass
class Server:
    """A running ``secretref serve`` and the access key it printed."""

    process: subprocess.Popen
    url: str
    key_id: str
    key_secret: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, key_id=None, key_secret=None):
        """A client that is signed in; as the administrator if no key is given."""
        client = httpx.Client(base_url=self.url, timeout=10, trust_env=False)
        body = {"keyId": key_id or self.key_id, "keySecret": key_secret or self.key_secret}
        answer = client.post("/token", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["X-Authorization"] = answer.json()["token"]
        self.clients.append(client)
        return client

    def application(self, admin, name="app", roles=()):
        """A new application with a key: its id and a client signed in as it."""
        app = admin.post("/applications", json={"name": name}).json()["id"]
        for role in roles:
            assert admin.post(f"/applications/{app}/roles/{role}").status_code == 200
        key = admin.post(f"/applications/{app}/accessKeys").json()
        return app, self.client(key["id"], key["secret"])


@contextmanager
def running(directory, *options):
    """Start ``secretref serve`` on a free port with the store in *directory*, unless *options* name another."""
    command = [sys.executable, "-c", "from secretref.cli import main; main()", "serve", "--port", "0"]
    command += ["--store", str(directory / "store.db"), *options]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CONDUCTOR_", "SECRETREF_"))
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        try:
            said = {}
            for line in process.stdout:
                word, _, rest = line.strip().partition("listening on " if line.startswith("listening") else ": ")
                said[word] = rest
                if line.startswith("listening"):
                    break
            else:
                raise AssertionError(process.stderr.read())
            server = Server(process, said[""], said.get("key id", ""), said.get("key secret", ""))
            yield server
            for client in server.clients:
                client.close()
        finally:
            process.terminate()
            try:
                process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
