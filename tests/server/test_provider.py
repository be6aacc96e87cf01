"""OrkesProvider and our server together: what every provider promises, by batches and by single reads."""

import json

import pytest

from secretref import Policy, Resolver, Template
from secretref.errors import AccessDeniedError, SecretNotFoundError
from secretref.providers.orkes import OrkesProvider
from secretref.testing import ProviderContract, canary


@pytest.fixture(scope="module")
def worker(server, admin):
    """Key of an application that may read everything."""
    key = admin.post("/applications/orkes-workers/accessKeys").json()
    subject, target = {"type": "USER", "id": "app:orkes-workers"}, {"type": "SECRET_NAME", "id": "*"}
    admin.post("/auth/authorization", json={"subject": subject, "target": target, "access": ["READ"]})
    return key["id"], key["secret"]


class TestBatches(ProviderContract):
    batches = True

    @pytest.fixture(autouse=True)
    def _surroundings(self, server, admin, worker):
        self.server, self.admin, self.worker, self.made = server, admin, worker, []
        yield
        for provider in self.made:
            provider.close()

    def provider(self, values, tmp_path):
        for name in self.admin.post("/secrets").json():
            self.admin.delete(f"/secrets/{name}")
        for name, value in values.items():
            self.admin.put(f"/secrets/{name}", content=json.dumps(value))
        provider = OrkesProvider(self.server.url, *self.worker, plain_http=True)
        provider._cluster()._batches = self.batches
        self.made.append(provider)
        return provider

    def broken(self, values, tmp_path):
        self.provider(values, tmp_path)
        made = OrkesProvider("http://127.0.0.1:1/api", *self.worker, plain_http=True, timeout=0.5, attempts=1)
        self.made.append(made)
        return made


class TestSingleReads(TestBatches):
    batches = False


def test_the_server_decides_for_a_resolver(server, admin):
    value = canary()
    app, _ = server.application(admin)
    key = admin.post(f"/applications/{app}/accessKeys").json()
    admin.put("/secrets/granted", content=value)
    body = {
        "subject": {"type": "USER", "id": f"app:{app}"},
        "target": {"type": "SECRET", "id": "granted"},
        "access": ["READ"],
    }
    absent = body | {"target": {"type": "SECRET", "id": "absent"}}
    template = Template.compile({"auth": "Bearer ${workflow.secrets.granted}", "other": "${workflow.secrets.absent}"})
    with OrkesProvider(server.url, key["id"], key["secret"], plain_http=True) as provider:
        resolver = Resolver(provider, policy=Policy.allow_all())
        with pytest.raises(AccessDeniedError) as denied:
            resolver.resolve(template, subject="app:x")
        assert denied.value.names == {"granted", "absent"}
        for grant in (body, absent):
            admin.post("/auth/authorization", json=grant)
        with pytest.raises(SecretNotFoundError) as missing:
            resolver.resolve(template, subject="app:x")
        assert missing.value.names == {"absent"}
        admin.put("/secrets/absent", content="there now")
        assert resolver.resolve(template, subject="app:x").reveal() == {"auth": f"Bearer {value}", "other": "there now"}
        admin.request("DELETE", "/auth/authorization", json=body)
        with pytest.raises(AccessDeniedError):
            resolver.resolve(template, subject="app:x")
