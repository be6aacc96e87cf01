"""Who may do what: the full matrix, what looks alike, what nobody can give himself, and when a change counts."""

import statistics
import threading
import time

import pytest

DATABASES = ("sqlite", "postgres")
VALUE = "cnry-Pm31-permission-value"
SECRET_CALLS = {
    ("GET", ""): "READ",
    ("PUT", ""): "UPDATE",
    ("DELETE", ""): "DELETE",
    ("PUT", "/tags"): "UPDATE",
    ("DELETE", "/tags"): "UPDATE",
    ("POST", "/versions/1/restore"): "UPDATE",
    ("GET", "/explain?subject=app:x"): "UPDATE",
    ("GET", "/exists"): None,
    ("GET", "/tags"): None,
    ("GET", "/versions"): None,
}
ADMIN_CALLS = [
    ("GET", "/audit"),
    ("GET", "/users"),
    ("GET", "/users/x"),
    ("PUT", "/users/x"),
    ("DELETE", "/users/x"),
    ("GET", "/groups"),
    ("GET", "/users/x/permissions"),
    ("GET", "/users/x/checkPermissions?type=SECRET_NAME&id=x"),
    ("GET", "/groups/x"),
    ("PUT", "/groups/x"),
    ("DELETE", "/groups/x"),
    ("GET", "/groups/x/users"),
    ("POST", "/groups/x/users"),
    ("DELETE", "/groups/x/users"),
    ("POST", "/groups/x/users/y"),
    ("DELETE", "/groups/x/users/y"),
    ("GET", "/groups/x/permissions"),
    ("GET", "/roles"),
    ("GET", "/roles/system"),
    ("GET", "/roles/custom"),
    ("GET", "/roles/permissions"),
    ("POST", "/roles"),
    ("GET", "/roles/ADMIN"),
    ("PUT", "/roles/x"),
    ("DELETE", "/roles/x"),
    ("DELETE", "/auth/subjects/USER/x/grants"),
    ("GET", "/auth/subjects/USER/x/grants"),
    ("POST", "/applications"),
    ("GET", "/applications/admin"),
    ("PUT", "/applications/admin"),
    ("DELETE", "/applications/admin"),
    ("POST", "/applications/admin/accessKeys"),
    ("GET", "/applications/admin/accessKeys"),
    ("POST", "/applications/admin/roles/ADMIN"),
    ("DELETE", "/applications/admin/roles/ADMIN"),
    ("GET", "/applications/admin/tags"),
    ("PUT", "/applications/admin/tags"),
    ("DELETE", "/applications/admin/tags"),
    ("GET", "/applications/key/x"),
    ("PUT", "/environment/x"),
    ("DELETE", "/environment/x"),
    ("GET", "/environment/x"),
    ("GET", "/environment/x/tags"),
    ("PUT", "/environment/x/tags"),
    ("DELETE", "/environment/x/tags"),
]
BODIES = {
    "/users/x": {"name": "x"},
    "/groups/x": {},
    "/roles": {"name": "x"},
    "/roles/x": {"name": "x"},
    "/groups/x/users": ["y"],
}


def authorization(app, name, *access, kind="SECRET_NAME"):
    return {
        "subject": {"type": "user", "id": f"app:{app}"},
        "target": {"type": kind, "id": name},
        "access": list(access),
    }


def grant(who, app, name, *access, kind="SECRET_NAME"):
    return who.post("/auth/authorization", json=authorization(app, name, *access, kind=kind))


def revoke(who, app, name, *access, kind="SECRET_NAME"):
    return who.request("DELETE", "/auth/authorization", json=authorization(app, name, *access, kind=kind))


def send(client, method, path):
    plain = path.partition("?")[0]
    body = BODIES.get(plain, [] if plain.endswith("/tags") else {"name": "x"})
    return client.request(method, path, json=body)


@pytest.fixture
def secret(admin):
    admin.put("/secrets/shared", content=VALUE)
    yield "shared"
    admin.delete("/secrets/shared")


@pytest.fixture
def app(server, admin):
    app, client = server.application(admin)
    yield app, client
    admin.delete(f"/applications/{app}")


@pytest.mark.parametrize("held", ["READ", "UPDATE", "DELETE", "CREATE", "EXECUTE", None])
@pytest.mark.parametrize(("method", "path"), list(SECRET_CALLS))
def test_each_call_needs_its_own_access(  # noqa: PLR0917 - the matrix
    admin, secret, app, held, method, path
):
    name, client = app
    if held:
        assert grant(admin, name, secret, held).json() == {"message": "Granted permission"}
    needed = SECRET_CALLS[method, path]
    allowed = held is not None and needed in {held, None}
    answer = send(client, method, f"/secrets/{secret}{path}")
    assert (answer.status_code != 403) == allowed, answer.text
    if not allowed:
        assert "error" not in answer.json()
        assert VALUE not in answer.text
        assert admin.get(f"/secrets/{secret}").text == VALUE


@pytest.mark.parametrize(("method", "path"), ADMIN_CALLS)
def test_what_only_administrators_do(app, method, path):
    answer = send(app[1], method, path)
    assert answer.status_code == 403, answer.text
    assert "error" not in answer.json()


@pytest.mark.parametrize(("method", "path"), [call for call in SECRET_CALLS if call != ("PUT", "")])
def test_missing_and_forbidden_look_alike(admin, secret, app, method, path):
    """Byte for byte, headers included, but for the date."""
    answers = [send(app[1], method, f"/secrets/{name}{path}") for name in (secret, "absent")]
    seen = [
        (a.status_code, a.content, sorted(item for item in a.headers.items() if item[0] != "date")) for a in answers
    ]
    assert seen[0] == seen[1]


def test_missing_and_forbidden_take_the_same_time(admin, secret, app):
    times = {secret: [], "absentt": []}
    for _ in range(150):
        for name, taken in times.items():
            started = time.perf_counter()
            app[1].get(f"/secrets/{name}")
            taken.append(time.perf_counter() - started)
    there, absent = times.values()
    slower = sum(a > b for a in there for b in absent) / (len(there) * len(absent))
    assert 0.35 < slower < 0.65, (statistics.median(there), statistics.median(absent))


def test_lists_hold_only_what_the_caller_has_access_to(admin, secret, app):
    name, client = app
    assert client.post("/secrets").json() == client.get("/secrets").json() == client.get("/secrets-v2").json() == []
    grant(admin, name, secret, "UPDATE")
    assert client.post("/secrets").json() == [secret]
    assert client.get("/secrets").json() == []
    assert client.get("/secrets?access=UPDATE").json() == [secret]
    assert client.get("/secrets?access=UPDATE&access=READ").json() == []
    assert [one["access"] for one in client.get("/secrets-v2").json()] == [["UPDATE"]]


@pytest.mark.parametrize("near", ["share", "shared2", "Shared", "SHARED", "shared_", "hared"])
def test_a_grant_names_exactly_its_target(admin, app, near):
    name, client = app
    admin.put(f"/secrets/{near}", content=VALUE)
    grant(admin, name, "shared", "READ")
    assert client.get(f"/secrets/{near}").status_code == 403
    assert client.post("/secrets/resolve", json={"names": [near]}).json()["results"][near] == {
        "outcome": "ACCESS_DENIED"
    }


def test_a_star_is_asked_for(admin, app):
    name, client = app
    admin.put("/secrets/team_a", content=VALUE)
    grant(admin, name, "team_*", "READ")
    assert client.get("/secrets/team_a").text == VALUE


def test_a_batch_checks_each_name(admin, secret, app):
    name, client = app
    admin.put("/secrets/other", content=VALUE)
    grant(admin, name, secret, "READ")
    grant(admin, name, "absent", "READ")
    results = client.post("/secrets/resolve", json={"names": [secret, "other", "absent", "nowhere", "no name"]}).json()[
        "results"
    ]
    assert {one: result["outcome"] for one, result in results.items()} == {
        secret: "FOUND",
        "other": "ACCESS_DENIED",
        "absent": "NOT_FOUND",
        "nowhere": "ACCESS_DENIED",
        "no name": "ACCESS_DENIED",
    }


def test_nobody_shares_what_he_has_not(server, admin, secret, app):
    name, client = app
    for access in ("READ", "DELETE", "CREATE", "EXECUTE"):
        grant(admin, name, secret, access)
        assert grant(client, "other", secret, access).status_code == 403
    grant(admin, name, secret, "UPDATE")
    assert grant(client, "other", secret, "READ").status_code == 200
    revoke(admin, name, secret, "DELETE")
    assert grant(client, "other", secret, "READ", "DELETE").status_code == 403
    assert grant(client, "other", "elsewhere", "READ").status_code == 403
    assert grant(client, name, "org:sales", "READ", kind="TAG").status_code == 403
    assert revoke(client, "other", secret, "READ").status_code == 200


def test_a_tag_gives_nobody_more_than_the_tagger_has(admin, secret, app):
    name, client = app
    grant(admin, name, secret, "UPDATE")
    grant(admin, name, "org:sales", "READ", kind="TAG")
    tag = [{"key": "org", "value": "sales"}]
    assert client.put(f"/secrets/{secret}/tags", json=tag).status_code == 403
    assert client.get(f"/secrets/{secret}").status_code == 403
    assert client.put(f"/secrets/{secret}/tags", json=[{"key": "org", "value": "other"}]).status_code == 200
    admin.put(f"/secrets/{secret}/tags", json=tag)
    assert client.get(f"/secrets/{secret}").text == VALUE
    admin.request("DELETE", f"/secrets/{secret}/tags", json=tag)
    assert client.get(f"/secrets/{secret}").status_code == 403


def test_roles_and_groups_hand_on_their_grants(admin, secret, app):
    name, client = app
    admin.put("/groups/fin", json={"description": "", "roles": ["auditors"]}) if admin.post(
        "/roles", json={"name": "auditors"}
    ) else None
    for kind, subject in (("role", "auditors"), ("group", "fin")):
        body = authorization(name, secret, "READ") | {"subject": {"type": kind, "id": subject}}
        admin.post("/auth/authorization", json=body)
        assert client.get(f"/secrets/{secret}").status_code == 403
        admin.post("/groups/fin/users", json=[f"app:{name}"])
        assert client.get(f"/secrets/{secret}").text == VALUE
        admin.request("DELETE", "/auth/authorization", json=body)
        assert client.get(f"/secrets/{secret}").status_code == 403
        admin.request("DELETE", "/groups/fin/users", json=[f"app:{name}"])
    assert admin.delete("/groups/fin").status_code == 200
    assert admin.delete("/roles/auditors").status_code == 200


def test_who_may_create_secrets(server, admin):
    for roles, allowed in (((), 403), (("WORKER",), 403), (("USER",), 200), (("METADATA_MANAGER",), 200)):
        app, client = server.application(admin, roles=roles)
        assert client.put(f"/secrets/made_{allowed}", content=VALUE).status_code == allowed
        assert client.get("/secrets/absent/exists").status_code == allowed
        if allowed == 200:
            assert client.get(f"/secrets/made_{allowed}").text == VALUE
            assert grant(client, "other", f"made_{allowed}", "READ").status_code == 200
            admin.delete(f"/secrets/made_{allowed}")
        admin.delete(f"/applications/{app}")
    app, client = server.application(admin)
    grant(admin, app, "made_by_grant", "CREATE")
    assert client.put("/secrets/made_by_grant", content=VALUE).status_code == 200


def test_a_creator_does_not_overwrite_what_is_not_his(server, admin, secret):
    app, client = server.application(admin, roles=["USER"])
    assert client.put(f"/secrets/{secret}", content="stolen").status_code == 403
    assert admin.get(f"/secrets/{secret}").text == VALUE
    admin.delete(f"/applications/{app}")


def test_a_deleted_secret_takes_its_grants_with_it(admin, app):
    name, client = app
    admin.put("/secrets/reused", content=VALUE)
    grant(admin, name, "reused", "READ")
    admin.delete("/secrets/reused")
    admin.put("/secrets/reused", content="another owner's")
    assert client.get("/secrets/reused").status_code == 403


def test_a_revocation_counts_from_the_next_request_on(admin, secret, app):
    """Under a steady load: nothing is released that was asked for after the answer to the revocation."""
    name, client = app
    grant(admin, name, secret, "READ")
    asked, revoked = [], threading.Event()

    def read():
        while not revoked.is_set() or len([one for one in asked if one[2]]) < 20:
            after = revoked.is_set()
            asked.append((client.get(f"/secrets/{secret}").status_code, time.monotonic(), after))

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    revoke(admin, name, secret, "READ")
    revoked.set()
    reader.join(timeout=20)
    assert {status for status, _, after in asked if not after} >= {200}
    assert {status for status, _, after in asked if after} == {403}


def test_one_application_never_gets_what_another_may_read(server, admin, secret, app):
    name, client = app
    other, stranger = server.application(admin, "stranger")
    grant(admin, name, secret, "READ")
    for _ in range(50):
        assert client.get(f"/secrets/{secret}").text == VALUE
        assert stranger.get(f"/secrets/{secret}").status_code == 403
    admin.delete(f"/applications/{other}")


def test_grants_are_listed_both_ways(admin, secret, app):
    name, client = app
    grant(admin, name, secret, "READ", "UPDATE")
    grant(admin, name, "org:x", "READ", kind="TAG")
    assert client.get(f"/auth/authorization/secret/{secret}").json()["UPDATE"] == [
        {"type": "USER", "id": f"app:{name}"}
    ]
    assert client.get(f"/auth/authorization/SECRET_NAME/{secret}?groupBy=subject").json() == {
        f"USER:app:{name}": ["READ", "UPDATE"]
    }
    own = client.get(f"/auth/subjects/user/app:{name}/grants").json()
    assert {(one["target"]["type"], *one["access"]) for one in own} == {
        ("SECRET_NAME", "READ", "UPDATE"),
        ("TAG", "READ"),
    }
    assert len(client.get(f"/auth/subjects/user/app:{name}/grants?resourceType=TAG").json()) == 1
    assert admin.get(f"/users/app:{name}/checkPermissions?type=SECRET_NAME&id={secret}").json()["UPDATE"] is True
    why = client.get(f"/secrets/{secret}/explain?subject=app:{name}").json()
    assert why["allowed"] is True
    assert f"app:{name} may READ, UPDATE {secret}" in why["reason"]
    assert (
        client.get(f"/secrets/{secret}/explain?subject=app:admin&access=DELETE")
        .json()["reason"]
        .endswith("the role ADMIN")
    )
    assert client.get(f"/secrets/{secret}/explain?subject=role:WORKER").json()["allowed"] is False
    assert admin.delete(f"/auth/subjects/user/app:{name}/grants?resourceType=TAG").json() == {
        "message": "Revoked grants"
    }
    assert client.get(f"/secrets/{secret}").text == VALUE
    admin.delete(f"/auth/subjects/user/app:{name}/grants")
    assert client.get(f"/secrets/{secret}").status_code == 403


def test_environment_variables_are_read_by_grant(admin, app):
    name, client = app
    admin.put("/environment/ZONE", content="north")
    assert client.get("/environment").json() == []
    assert client.get("/environment/ZONE").status_code == 403
    grant(admin, name, "ZONE", "READ", kind="ENV_VARIABLE")
    assert client.get("/environment/ZONE").text == "north"
    assert client.get("/environment").json()[0]["name"] == "ZONE"
    assert client.put("/environment/ZONE", content="south").status_code == 403


def test_an_owner_manages_his_applications_and_no_other(server, admin):
    creator, client = server.application(admin, "creator", roles=["APPLICATION_CREATOR"])
    own = client.post("/applications", json={"name": "own"}).json()["id"]
    assert [one["id"] for one in client.get("/applications").json()] == [own]
    assert client.post(f"/applications/{own}/roles/WORKER").status_code == 200
    for role in ("ADMIN", "USER", "UNRESTRICTED_WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "APPLICATION_MANAGER"):
        assert client.post(f"/applications/{own}/roles/{role}").status_code == 403
    key = client.post(f"/applications/{own}/accessKeys").json()
    assert "secret" in key
    assert (
        client.get("/applications/orkes-workers").status_code == client.get("/applications/absent").status_code == 403
    )
    assert client.get(f"/applications/{creator}").status_code == 200
    admin.post(f"/applications/{own}/roles/USER")
    assert client.post(f"/applications/{own}/accessKeys").status_code == 403
    admin.delete(f"/applications/{own}")


def test_an_owner_makes_no_keys_for_an_application_that_a_group_made_mighty(server, admin):
    _, client = server.application(admin, "creator", roles=["APPLICATION_CREATOR"])
    own = client.post("/applications", json={"name": "own"}).json()["id"]
    admin.put("/groups/mighty", json={"roles": ["ADMIN"]})
    admin.post("/groups/mighty/users", json=[f"app:{own}"])
    assert client.post(f"/applications/{own}/accessKeys").status_code == 403
    admin.delete("/groups/mighty")
    assert client.post(f"/applications/{own}/accessKeys").status_code == 200


def test_a_manager_of_applications_makes_no_keys_for_those_of_others(server, admin, app):
    name, _ = app
    _, manager = server.application(admin, "manager", roles=["APPLICATION_MANAGER"])
    assert manager.put(f"/applications/{name}", json={"name": "renamed"}).status_code == 200
    assert manager.post(f"/applications/{name}/accessKeys").status_code == 403
    assert manager.get("/applications/absent").status_code == 404
    assert manager.get("/applications/admin").status_code == 403


def test_the_last_administrator_stays(server, admin):
    (key,) = admin.get("/applications/admin/accessKeys").json()
    for method, path in (
        ("DELETE", "/applications/admin"),
        ("DELETE", "/applications/admin/roles/ADMIN"),
        ("DELETE", f"/applications/admin/accessKeys/{key['id']}"),
        ("POST", f"/applications/admin/accessKeys/{key['id']}/status"),
    ):
        assert admin.request(method, path).status_code == 409
        assert admin.get("/applications/admin/accessKeys").json() == [key]
    second, successor = server.application(admin, "second", roles=["ADMIN"])
    assert admin.post(f"/applications/admin/accessKeys/{key['id']}/status").json()["status"] == "INACTIVE"
    assert admin.get("/secrets").status_code == 401
    assert successor.delete(f"/applications/{second}").status_code == 409
    assert successor.post(f"/applications/admin/accessKeys/{key['id']}/status").json()["status"] == "ACTIVE"
    admin.headers["X-Authorization"] = server.client().headers["X-Authorization"]
    assert admin.delete(f"/applications/{second}").status_code == 200


def test_a_user_is_made_changed_grouped_and_deleted(admin, secret):
    admin.put("/groups/post", json={"description": "Post"})
    made = admin.put("/users/ann", json={"name": "Ann", "roles": ["USER"], "groups": ["post"]}).json()
    assert (made["name"], made["roles"][0]["name"], made["groups"][0]["id"]) == ("Ann", "USER", "post")
    assert admin.put("/users/ann", json={"name": "Anna"}).json()["roles"][0]["name"] == "USER"
    assert [one["id"] for one in admin.get("/groups/post/users").json()] == ["ann"]
    body = {"subject": {"type": "USER", "id": "ann"}, "target": {"type": "SECRET", "id": secret}, "access": ["READ"]}
    admin.post("/auth/authorization", json=body)
    assert admin.delete("/users/ann").status_code == 200
    assert admin.get("/groups/post/users").json() == []
    assert admin.get("/auth/subjects/USER/ann/grants").json() == []
    assert admin.delete("/groups/post").status_code == 200


def test_every_denial_is_audited(admin, secret, app):
    name, client = app
    client.get(f"/secrets/{secret}")
    client.post("/secrets/resolve", json={"names": [secret]})
    grant(client, "other", secret, "READ")
    lines = admin.get(f"/audit?actor=app:{name}").json()[:-1]  # the first is the token
    assert [(line["action"], line["outcome"]) for line in lines[::-1]] == [
        ("secret.read", "denied"),
        ("secret.read", "denied"),
        ("grant.add", "denied"),
    ]
