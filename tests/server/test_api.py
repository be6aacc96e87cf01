"""The REST API as its clients see it: values, names, tags, versions, variables, the audit trail, errors."""

import json

import pytest

DATABASES = ("sqlite", "postgres")
VALUE = "cnry-Wq72-api-value"


@pytest.fixture
def key(request, admin):
    """A name of its own for each test, gone afterwards."""
    name = request.node.name.replace("[", "_").replace("]", "").encode("ascii", "ignore").decode()
    name = "".join(character if character.isalnum() else "_" for character in name)[:200]
    yield name
    admin.delete(f"/secrets/{name}")


def body_of(answer, status):
    assert answer.status_code == status
    body = answer.json()
    assert body["status"] == status
    assert set(body) <= {"status", "message", "instance", "retryable", "error", "validationErrors"}
    return body


def test_a_name_is_free_then_taken_then_free(admin, key):
    assert admin.get(f"/secrets/{key}/exists").json() is False
    put = admin.put(f"/secrets/{key}", content=VALUE)
    assert (put.status_code, put.content) == (200, b"")
    assert admin.get(f"/secrets/{key}/exists").json() is True
    gone = admin.delete(f"/secrets/{key}")
    assert (gone.status_code, gone.content) == (200, b"")
    assert admin.get(f"/secrets/{key}/exists").json() is False


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"plain", "plain"),
        (b'"quoted"', "quoted"),
        (b'"a\\"b\\n"', 'a"b\n'),
        (b'"half', '"half'),
        (b'"', '"'),
        (b"", ""),
        (b'{"user": "neo"}', '{"user": "neo"}'),
        (b"0042", "0042"),
        (b"null", "null"),
        (b'"a" "b"', '"a" "b"'),
        (b"\xc3\xa4\x00\r\n", "ä\x00\r\n"),
        (b'"\xf0\x9f\x94\x91"', "🔑"),
        (b" padded ", " padded "),
        (b'"\\u00e4"', "ä"),
        (b"${workflow.secrets.B}", "${workflow.secrets.B}"),
        (b"x" * 1_000_000, "x" * 1_000_000),
    ],
)
def test_values_come_back_as_they_were_meant(admin, key, sent, stored):
    assert admin.put(f"/secrets/{key}", content=sent).status_code == 200
    plain = admin.get(f"/secrets/{key}")
    assert plain.content.decode() == stored
    assert plain.headers["content-type"].startswith("text/plain")
    exact = admin.get(f"/secrets/{key}", headers={"Accept": "application/json"})
    assert exact.headers["content-type"] == "application/json"
    assert exact.json() == stored


@pytest.mark.parametrize("sent", [b"\xff", b'"\\ud800"', b'"\xff"'])
def test_values_that_are_no_text_are_refused(admin, key, sent):
    body_of(admin.put(f"/secrets/{key}", content=sent), 400)
    assert admin.get(f"/secrets/{key}/exists").json() is False


@pytest.mark.parametrize(
    "accept", ["*/*", "text/plain", "text/html, */*;q=0.1", "application/json, text/plain", "image/png", None]
)
def test_a_value_is_plain_text_for_whoever_takes_it(admin, key, accept):
    admin.put(f"/secrets/{key}", content="0042")
    headers = {"Accept": accept} if accept else {}
    assert admin.get(f"/secrets/{key}", headers=headers).text == "0042"


def test_chunked_bodies_and_idle_bodies_are_accepted(admin, key):
    assert admin.put(f"/secrets/{key}", content=iter([b'"chu', b'nked"'])).status_code == 200
    assert admin.get(f"/secrets/{key}").text == "chunked"
    assert admin.post("/secrets", content="{}").status_code == 200
    assert admin.post("/secrets").status_code == 200
    assert admin.request("DELETE", f"/secrets/{key}", content="{}").status_code == 200


def test_absent_secrets(admin, key):
    body_of(admin.get(f"/secrets/{key}"), 404)
    body_of(admin.delete(f"/secrets/{key}"), 404)
    body_of(admin.get(f"/secrets/{key}/tags"), 404)
    body_of(admin.put(f"/secrets/{key}/tags", json=[{"key": "a", "value": "b"}]), 404)
    body_of(admin.get(f"/secrets/{key}/versions"), 404)
    body_of(admin.post(f"/secrets/{key}/versions/1/restore"), 404)


@pytest.mark.parametrize("name", ["a.b", "ä", "a b", "a%0Ab", "%00", "x" * 256, "a%2Fb", "a%5Cb", "..", "a%2e%2e"])
def test_names_outside_the_rule_are_refused(admin, name):
    assert admin.put(f"/secrets/{name}", content=VALUE).status_code in {400, 404}
    assert admin.get(f"/secrets/{name}").status_code in {400, 404, 405}


@pytest.mark.parametrize("name", ["v2", "clearLocalCache", "clearRedisCache"])
def test_names_that_would_be_calls_are_refused(admin, name):
    body_of(admin.put(f"/secrets/{name}", content=VALUE), 400)


def test_clearing_caches_does_nothing(admin):
    for cache in ("clearLocalCache", "clearRedisCache"):
        assert admin.get(f"/secrets/{cache}").status_code == 200


def test_lists(admin, key):
    admin.put(f"/secrets/{key}", content=VALUE)
    for names in (
        admin.post("/secrets").json(),
        admin.get("/secrets").json(),
        admin.get("/secrets?access=read&access=UPDATE").json(),
    ):
        assert key in names
    (entry,) = [one for one in admin.get("/secrets-v2").json() if one["name"] == key]
    assert entry["version"] == 1
    assert entry["createdBy"] == "app:admin"
    assert VALUE not in json.dumps(entry)
    body_of(admin.get("/secrets?access=LOOK"), 400)


def test_tags_are_added_replaced_and_removed(admin, key):
    admin.put(f"/secrets/{key}", content=VALUE)
    admin.put(
        f"/secrets/{key}/tags",
        json=[{"key": "org", "value": "sales", "type": "METADATA"}, {"key": "tier", "value": "1"}],
    )
    admin.put(f"/secrets/{key}/tags", json=[{"key": "tier", "value": "2"}])
    tags = {tag["key"]: tag["value"] for tag in admin.get(f"/secrets/{key}/tags").json()}
    assert tags == {"org": "sales", "tier": "2"}
    admin.request("DELETE", f"/secrets/{key}/tags", json=[{"key": "org", "value": "sales"}])
    assert [tag["key"] for tag in admin.get(f"/secrets/{key}/tags").json()] == ["tier"]


def test_versions_are_listed_without_values_and_restored(admin, key):
    for value in ("first", "second"):
        admin.put(f"/secrets/{key}", content=f"{VALUE}-{value}")
    versions = admin.get(f"/secrets/{key}/versions")
    assert [one["version"] for one in versions.json()] == [2, 1]
    assert VALUE not in versions.text
    restored = admin.post(f"/secrets/{key}/versions/1/restore")
    assert restored.json()["version"] == 3
    assert VALUE not in restored.text
    assert admin.get(f"/secrets/{key}").text == f"{VALUE}-first"
    body_of(admin.post(f"/secrets/{key}/versions/9/restore"), 404)


def test_a_batch_has_an_outcome_for_each_name(admin, key):
    admin.put(f"/secrets/{key}", content=VALUE)
    results = admin.post("/secrets/resolve", json={"names": [key, key, "absent", "no name", ""]}).json()["results"]
    assert results == {
        key: {"outcome": "FOUND", "value": VALUE},
        "absent": {"outcome": "NOT_FOUND"},
        "no name": {"outcome": "NOT_FOUND"},
        "": {"outcome": "NOT_FOUND"},
    }
    assert admin.post("/secrets/resolve", json={"names": []}).json() == {"results": {}}
    body_of(admin.post("/secrets/resolve", json={"names": ["a"] * 1001}), 400)


def test_environment_variables(admin, key):
    body_of(admin.get(f"/environment/{key}"), 404)
    assert admin.put(f"/environment/{key}", content='"as it is"').status_code == 200
    assert admin.get(f"/environment/{key}").text == '"as it is"'
    admin.put(f"/environment/{key}/tags", json=[{"key": "a", "value": "b"}, {"key": "c", "value": "d"}])
    admin.request("DELETE", f"/environment/{key}/tags", json=[{"key": "c"}])
    assert [tag["key"] for tag in admin.get(f"/environment/{key}/tags").json()] == ["a"]
    assert {"name": key, "value": '"as it is"', "tags": [{"key": "a", "value": "b", "type": "METADATA"}]} in admin.get(
        "/environment"
    ).json()
    assert admin.delete(f"/environment/{key}").text == '"as it is"'
    body_of(admin.delete(f"/environment/{key}"), 404)
    body_of(admin.put(f"/environment/{key}/tags", json=[]), 404)


def test_the_audit_trail_tells_who_did_what_and_no_value(admin, key):
    admin.put(f"/secrets/{key}", content=VALUE)
    admin.get(f"/secrets/{key}")
    admin.delete(f"/secrets/{key}")
    admin.get(f"/secrets/{key}")
    answer = admin.get(f"/audit?target={key}")
    acts = [(line["actor"], line["action"], line["outcome"]) for line in answer.json()]
    assert acts[::-1] == [
        ("app:admin", "secret.put", "ok"),
        ("app:admin", "secret.read", "ok"),
        ("app:admin", "secret.delete", "ok"),
        ("app:admin", "secret.read", "missing"),
    ]
    assert VALUE not in answer.text
    newest, older = (line["seq"] for line in answer.json()[:2])
    assert [line["seq"] for line in admin.get(f"/audit?target={key}&after={older}").json()] == [newest]
    assert admin.get(f"/audit?before={newest}&limit=1").json()[0]["seq"] == newest - 1
    body_of(admin.get("/audit?limit=0"), 400)


def test_an_application_of_its_own(server, admin):
    made = admin.post("/applications", json={"name": "shipping"}).json()
    app = made["id"]
    assert admin.get(f"/applications/{app}").json() == made
    assert admin.put(f"/applications/{app}", json={"name": "post"}).json()["name"] == "post"
    key = admin.post(f"/applications/{app}/accessKeys").json()
    assert admin.get(f"/applications/key/{key['id']}").json()["id"] == app
    (listed,) = admin.get(f"/applications/{app}/accessKeys").json()
    assert (listed["id"], listed["status"]) == (key["id"], "ACTIVE")
    assert key["secret"] not in admin.get(f"/applications/{app}/accessKeys").text
    assert server.client(key["id"], key["secret"]).get("/token/userInfo").json()["id"] == f"app:{app}"
    body_of(admin.get("/applications/key/absent"), 404)
    body_of(admin.delete(f"/applications/{app}/accessKeys/absent"), 404)
    body_of(admin.post("/applications/orkes-workers/accessKeys/" + key["id"] + "/status"), 404)
    body_of(admin.post(f"/applications/{app}/roles/NO_SUCH_ROLE"), 404)
    assert admin.delete(f"/applications/{app}").json() == {"message": "Deleted Application 'post'"}
    for call in (admin.get, admin.delete):
        body_of(call(f"/applications/{app}"), 404)
    body_of(admin.put(f"/applications/{app}", json={"name": "x"}), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/absent"),
        ("DELETE", "/users/absent"),
        ("GET", "/groups/absent"),
        ("DELETE", "/groups/absent"),
        ("POST", "/groups/absent/users/ann"),
        ("GET", "/roles/absent"),
        ("DELETE", "/roles/absent"),
        ("GET", "/nowhere"),
        ("PUT", "/users/ann?roles"),
        ("GET", "/users/app:absent"),
    ],
)
def test_what_is_not_there_is_a_404(admin, method, path):
    body_of(admin.request(method, path, json={"roles": ["NO_SUCH_ROLE"]}), 404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/users/app:x", {"name": "x"}),
        ("POST", "/roles", {"name": "ADMIN"}),
        ("PUT", "/roles/USER", {"name": "USER"}),
        ("DELETE", "/applications/admin", None),
        ("DELETE", "/applications/admin/roles/ADMIN", None),
    ],
)
def test_what_must_hold_is_a_409(admin, method, path, body):
    body_of(admin.request(method, path, json=body), 409)
    assert admin.get("/token/userInfo").json()["roles"][0]["name"] == "ADMIN"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/authorization", {}),
        ("POST", "/auth/authorization", []),
        ("POST", "/applications", {"name": ""}),
        (
            "POST",
            "/auth/authorization",
            {"subject": {"type": "tag", "id": "x"}, "target": {"type": "SECRET", "id": "x"}, "access": ["READ"]},
        ),
        (
            "POST",
            "/auth/authorization",
            {"subject": {"type": "user", "id": "x"}, "target": {"type": "SECRET", "id": "x"}, "access": []},
        ),
        ("GET", "/auth/authorization/PLANET/x", None),
        ("GET", "/users/x/checkPermissions", None),
        ("POST", "/secrets/resolve", {"names": VALUE}),
        ("GET", "/secrets/x/explain?subject=x", None),
        ("POST", "/secrets/x/versions/0/restore", None),
        ("GET", "/audit?limit=" + VALUE, None),
    ],
)
def test_a_malformed_request_is_a_400_that_echoes_nothing(admin, method, path, body):
    answer = admin.request(method, path, json=body)
    assert body_of(answer, 400)["validationErrors"]
    assert VALUE not in answer.text


def test_broken_json_is_a_400_that_echoes_nothing(admin):
    for content in (VALUE, "{" + VALUE, "[" * 100_000, '"\\ud800"', b"\xff\xfe", ""):
        answer = admin.post("/auth/authorization", content=content, headers={"Content-Type": "application/json"})
        body_of(answer, 400)
        assert VALUE not in answer.text


def test_a_wrong_method_says_which_are_right(admin):
    answer = admin.patch("/secrets/x")
    body_of(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    assert admin.put("/roles/system/x").status_code == 404


@pytest.mark.parametrize(
    "path", ["/secrets", "/secrets/x", "/token/userInfo", "/audit", "/users", "/environment", "/applications", "/roles"]
)
def test_nobody_is_anonymous(admin, server, path):
    for headers in (
        {},
        {"X-Authorization": "x"},
        {"X-Authorization": admin.headers["X-Authorization"] + "x"},
        {"X-Authorization": "Bearer x"},
    ):
        with httpx_client(server) as client:
            assert body_of(client.get(path, headers=headers), 401)["error"] == "INVALID_TOKEN"


def httpx_client(server):
    import httpx

    return httpx.Client(base_url=server.url, trust_env=False)


def test_the_description_is_published_without_a_release(server):
    with httpx_client(server) as client:
        description = client.get(server.url.replace("/api", "/openapi.json")).json()
    assert len(description["paths"]) > 40
    assert description["info"]["version"] == "1"
    statuses = {
        status for path in description["paths"].values() for one in path.values() for status in one["responses"]
    }
    assert "422" not in statuses
