"""How does a team put a secret on a server, and grant it to the application that runs a workflow?

``python examples/founding/walk.py curl`` does it by REST, ``… sdk`` by Conductor's own Python client.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models.subject_ref import SubjectRef, SubjectType
from conductor.client.http.models.target_ref import TargetRef, TargetType
from conductor.client.orkes.models.access_type import AccessType
from conductor.client.orkes_clients import OrkesClients

from secretref import Policy, Resolver
from secretref.errors import AccessDeniedError
from secretref.providers.orkes import OrkesProvider

USPS = Path(__file__).parents[1] / "usps_rate"
sys.path.insert(0, str(USPS))
from orchestrator import Orchestrator, load  # noqa: E402 - the neighbour example
from post_office import PostOffice  # noqa: E402

USER_ID = "471POSTAL0815"
RECEIVER = {"recipient": "Ann", "street": "6 Main St", "city": "Stanwood", "state": "WA", "zip": "98260"}
READ = {
    "subject": {"type": "user", "id": "app:orkes-workers"},
    "target": {"type": "SECRET_NAME", "id": "post_office_username"},
    "access": ["READ"],
}


class Team(Protocol):
    """What a team does by API."""

    def exists(self, name: str) -> bool: ...
    def put(self, name: str, value: str) -> None: ...
    def grant(self) -> None: ...
    def revoke(self) -> None: ...
    def worker_key(self) -> tuple[str, str]: ...


class Curl:
    """By curl. Token and values go in by its standard input, so that no process list shows them."""

    def __init__(self, url: str, key_id: str, secret: str) -> None:
        self._url, self._token = url, ""
        self._token = self._call("POST", "/token", json.dumps({"keyId": key_id, "keySecret": secret}))["token"]

    def _call(self, method: str, path: str, body: str = "") -> Any:
        headers = [f"X-Authorization: {self._token}", "Content-Type: application/json"]
        options = [("url", self._url + path), ("request", method), *(("header", header) for header in headers)]
        options += [("data-binary", body)] if body else []
        config = "\n".join(f"{name} = {json.dumps(value)}" for name, value in options)
        command = ["curl", "--silent", "--fail-with-body", "--config", "-"]
        answer = subprocess.run(command, input=config, capture_output=True, text=True, check=True, timeout=20)  # noqa: S603
        return json.loads(answer.stdout or "null")

    def exists(self, name: str) -> bool:
        return bool(self._call("GET", f"/secrets/{name}/exists"))

    def put(self, name: str, value: str) -> None:
        self._call("PUT", f"/secrets/{name}", value)

    def grant(self) -> None:
        assert self._call("POST", "/auth/authorization", json.dumps(READ)) == {"message": "Granted permission"}

    def revoke(self) -> None:
        assert self._call("DELETE", "/auth/authorization", json.dumps(READ)) == {"message": "Removed permission"}

    def worker_key(self) -> tuple[str, str]:
        key = self._call("POST", "/applications/orkes-workers/accessKeys")
        return key["id"], key["secret"]


class Sdk:
    """By Conductor's Python client, unmodified."""

    def __init__(self, url: str, key_id: str, secret: str) -> None:
        logging.getLogger("conductor").setLevel(logging.ERROR)
        clients = OrkesClients(
            Configuration(server_api_url=url, authentication_settings=AuthenticationSettings(key_id, secret))
        )
        self._secrets, self._access = clients.get_secret_client(), clients.get_authorization_client()
        self._subject = SubjectRef(SubjectType.USER, "app:orkes-workers")
        self._target = TargetRef(TargetType.SECRET_NAME, "post_office_username")

    def exists(self, name: str) -> bool:
        return bool(self._secrets.secret_exists(name))

    def put(self, name: str, value: str) -> None:
        self._secrets.put_secret(name, value)

    def grant(self) -> None:
        self._access.grant_permissions(self._subject, self._target, [AccessType.READ])

    def revoke(self) -> None:
        self._access.remove_permissions(self._subject, self._target, [AccessType.READ])

    def worker_key(self) -> tuple[str, str]:
        key = self._access.create_access_key("orkes-workers")
        return key.id, key.secret


def walk(team: Team, url: str, folder: Path) -> str:
    """Go the whole way; return everything that was recorded."""
    assert team.exists("needles") is False
    team.put("needles", "pinetree")
    assert team.exists("needles") is True
    team.put("post_office_username", USER_ID)

    with OrkesProvider(url, *team.worker_key(), plain_http=True) as provider, PostOffice(USER_ID) as post_office:
        resolver = Resolver(provider, policy=Policy.allow_all())  # the server decides
        environment = {"POST_OFFICE": post_office.url}
        engine = Orchestrator(resolver, subject="app:orkes-workers", records=folder, environment=environment)

        def price() -> str | None:
            try:
                return str(engine.run(load(USPS / "workflow.json"), RECEIVER)["price"]["result"])
            except AccessDeniedError:
                return None

        assert price() is None
        assert not post_office.wire, "nothing was sent"
        team.grant()
        assert price() == "82.10"
        assert any(USER_ID in request for request in post_office.wire), "the post office got the user id"
        team.revoke()
        assert price() is None
    return "".join(path.read_text() for path in folder.iterdir())


def main(way: str) -> None:
    """Start a server on an empty store and walk."""
    with TemporaryDirectory() as scratch:
        command = [sys.executable, "-c", "from secretref.cli import main; main()", "serve", "--port", "0"]
        server = subprocess.Popen(  # noqa: S603
            [*command, "--store", f"{scratch}/store/secrets.db"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert server.stdout is not None
            key_id, secret, url = (server.stdout.readline().split()[-1] for _ in range(3))
            team: Team = Curl(url, key_id, secret) if way == "curl" else Sdk(url, key_id, secret)
            recorded = walk(team, url, Path(scratch, "records"))
        finally:
            server.terminate()
            server.communicate(timeout=20)
    assert "82.10" in recorded
    assert "${workflow.secrets.post_office_username}" in recorded
    assert USER_ID not in recorded
    print(f"by {way}: free, put, taken, refused, granted, $82.10, revoked, refused")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "curl")
