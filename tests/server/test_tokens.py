"""Tokens: what they are, when they end, and how guessing is slowed without locking others out."""

import base64
import json
import threading
import time
import uuid

import httpx
import pytest

SECRET = "cnry-Tk55-guess"


@pytest.fixture
def anyone(server):
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        yield client


def sign_in(client, server, **more):
    return client.post("/token", json={"keyId": server.key_id, "keySecret": server.key_secret} | more)


def test_a_token_has_three_parts_and_tells_whose_it_is(anyone, server):
    answer = sign_in(anyone, server).json()
    assert answer["userId"] == "app:admin"
    _, claims, random = answer["token"].split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert told["sub"] == "app:admin"
    assert 3590 <= told["exp"] - time.time() <= 3601
    assert len(base64.urlsafe_b64decode(random + "==")) == 32


def test_tokens_differ(anyone, server):
    assert len({sign_in(anyone, server).json()["token"] for _ in range(20)}) == 20


def test_the_claims_prove_nothing(anyone, server):
    """What counts is the random part; a token with better claims is unknown."""
    head, claims, random = sign_in(anyone, server).json()["token"].split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"exp": int(time.time()) + 10**6}
    forged = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    answer = anyone.get("/secrets", headers={"X-Authorization": f"{head}.{forged}.{random}"})
    assert answer.status_code == 401


def test_an_expired_token_says_so_and_nothing_is_released(anyone, server):
    token = sign_in(anyone, server, expiration=1000).json()["token"]
    headers = {"X-Authorization": token}
    assert anyone.get("/secrets", headers=headers).status_code == 200
    time.sleep(1.1)
    refused = anyone.get("/secrets", headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (401, "EXPIRED_TOKEN")


@pytest.mark.parametrize("expiration", [-1, 0, 10**12])
def test_no_token_lives_for_ever(anyone, server, expiration):
    claims = sign_in(anyone, server, expiration=expiration).json()["token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"] - time.time() <= 24 * 3600 + 1


def test_a_token_ends_with_its_key_and_its_application(server, admin):
    for end in ("status", "delete", "application"):
        app, client = server.application(admin)
        (key,) = admin.get(f"/applications/{app}/accessKeys").json()
        assert client.get("/token/userInfo").status_code == 200
        path = f"/applications/{app}" if end == "application" else f"/applications/{app}/accessKeys/{key['id']}"
        admin.post(f"{path}/status") if end == "status" else admin.delete(path)
        answer = client.get("/token/userInfo")
        assert (answer.status_code, answer.json()["error"]) == (401, "INVALID_TOKEN")
        if end == "status":
            admin.post(f"{path}/status")
            assert client.get("/token/userInfo").status_code == 401, "turning a key on again revives no token"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"keyId": "x"},
        {"keySecret": SECRET},
        {"email": "a@b.c", "password": SECRET},
        {"keyId": None, "keySecret": None},
        {"keyId": "", "keySecret": ""},
        {"keyId": "x" * 512, "keySecret": SECRET},
    ],
)
def test_whatever_is_no_access_key_is_refused_alike(anyone, body):
    answer = anyone.post("/token", json=body)
    assert answer.status_code == 401
    assert answer.json()["error"] == "INVALID_TOKEN"
    assert SECRET not in answer.text


def test_an_unknown_id_and_a_wrong_secret_look_alike(anyone, server, admin):
    app, _ = server.application(admin)
    times = {True: [], False: []}
    answers = set()
    for _ in range(40):
        key = admin.post(f"/applications/{app}/accessKeys").json()["id"]
        for known, key_id in ((True, key), (False, str(uuid.uuid4()))):
            started = time.perf_counter()
            answer = anyone.post("/token", json={"keyId": key_id, "keySecret": SECRET})
            times[known].append(time.perf_counter() - started)
            answers.add((answer.status_code, answer.content))
            time.sleep(0.03)
    assert len(answers) == 1
    slower = sum(a > b for a in times[True] for b in times[False]) / 1600
    assert 0.25 < slower < 0.75


def test_guessing_is_slowed_and_the_honest_client_beside_it_is_not_refused(server, admin):
    """Guesses for one key and for made-up ones, from the same address as an honest client with a key of its own."""
    app, _ = server.application(admin)
    target, own = (admin.post(f"/applications/{app}/accessKeys").json() for _ in range(2))
    stop, guesses, evaluated = threading.Event(), [0], [0]

    def guess():
        with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
            while not stop.is_set():
                for key_id in (target["id"], str(uuid.uuid4())):
                    status = client.post("/token", json={"keyId": key_id, "keySecret": SECRET}).status_code
                    guesses[0] += 1
                    evaluated[0] += status == 401
                    assert status in {401, 429}

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    own_key = {"keyId": own["id"], "keySecret": own["secret"]}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
        honest = [client.post("/token", json=own_key).status_code for _ in range(5)]
    stop.set()
    for thread in threads:
        thread.join(timeout=20)
    assert honest == [200] * 5
    assert guesses[0] > evaluated[0] > 0
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        waiting = client.post("/token", json={"keyId": target["id"], "keySecret": target["secret"]})
    assert waiting.status_code == 429
    assert 1 <= int(waiting.headers["retry-after"]) <= 60


def test_only_the_hash_of_a_token_is_kept(server, admin, tmp_path_factory):
    token = admin.headers["X-Authorization"].encode()
    stores = [path for path in tmp_path_factory.getbasetemp().rglob("store.db*") if path.is_file()]
    assert stores
    assert not any(token[-43:] in path.read_bytes() for path in stores)
