"""Tokens: what they are, when they end, and how guessing is slowed without locking others out."""

import asyncio
import base64
import json
import threading
import time
import uuid
from collections import Counter
from urllib.parse import urlsplit

import httpx
import pytest
from figures import report, size
from harness import running

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


@pytest.mark.parametrize("expiration", [-1, 0, 10**12, 10**400, -(10**400)])
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


async def guess(server, key_ids, outcomes):
    """Guess once for each of *key_ids* on one connection, as fast as the answers come."""
    host, port = urlsplit(server.url).netloc.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for key_id in key_ids:
        body = json.dumps({"keyId": key_id, "keySecret": SECRET})
        head = f"POST /api/token HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        outcomes[int(answer[9:12])] += 1
    writer.close()
    await writer.wait_closed()


def test_thousands_of_guesses_neither_stop_the_server_nor_drown_the_trail(tmp_path, capsys):
    """Nine of ten for one key, the others for made-up ids; an honest client beside them gets its tokens and values."""
    number, clients = size(600, 10_000), size(30, 200)
    tmp_path.chmod(0o700)
    with running(tmp_path) as server:
        admin = server.client()
        admin.put("/secrets/held", content=SECRET)
        app, _ = server.application(admin)
        target, own = (admin.post(f"/applications/{app}/accessKeys").json() for _ in range(2))
        ids = [target["id"] if one % 10 else str(uuid.uuid4()) for one in range(number)]
        outcomes, honest, started = Counter(), [], time.monotonic()

        async def attack():
            await asyncio.gather(*(guess(server, ids[one::clients], outcomes) for one in range(clients)))

        attacker = threading.Thread(target=lambda: asyncio.run(attack()))
        attacker.start()
        with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
            while not honest or attacker.is_alive():
                at = time.monotonic()
                signed = client.post("/token", json={"keyId": own["id"], "keySecret": own["secret"]}).status_code
                honest.append((signed, admin.get("/secrets/held").status_code, time.monotonic() - at))
                time.sleep(0.05)
        attacker.join()
        took = time.monotonic() - started
        lines = admin.get("/audit", params={"action": "token.issue", "limit": 1000}).json()
        recorded = [line for line in lines if line["outcome"] == "denied"]
        named = sum(int(line["details"]["attempts"]) for line in recorded if line["target"] == target["id"])
        report(
            capsys,
            f"{number} guesses in {took:.0f} s: {outcomes[401]} evaluated ({named} for the key), "
            f"{outcomes[429]} refused; {len(recorded)} audit lines; "
            f"{len(honest)} honest sign-ins beside them, slowest {max(one[2] for one in honest):.1f} s",
        )
        assert sum(outcomes.values()) == number
        assert set(outcomes) == {401, 429}
        assert {one[:2] for one in honest} == {(200, 200)}
        assert 5 <= named <= 5 + clients  # those under way when the fifth is found wrong
        assert len(recorded) <= 52 + 5 * took
        assert SECRET not in "".join(map(str, lines))


def test_after_its_wait_the_right_secret_works(server, admin):
    app, _ = server.application(admin)
    key = admin.post(f"/applications/{app}/accessKeys").json()
    wrong = [signed_in(server, key | {"secret": SECRET}).status_code for _ in range(5)]
    waiting = signed_in(server, key)
    assert waiting.headers["retry-after"] == "1"
    time.sleep(1)
    assert (wrong, waiting.status_code, signed_in(server, key).status_code) == ([401] * 5, 429, 200)
    assert [signed_in(server, key | {"secret": SECRET}).status_code for _ in range(5)] == [401] * 5, "it starts anew"


def signed_in(server, key):
    """Sign in with *key*."""
    body = {"keyId": key["id"], "keySecret": key["secret"]}
    return httpx.post(f"{server.url}/token", json=body, trust_env=False, timeout=20)


def test_only_the_hash_of_a_token_is_kept(server, admin, tmp_path_factory):
    token = admin.headers["X-Authorization"].encode()
    stores = [path for path in tmp_path_factory.getbasetemp().rglob("store.db*") if path.is_file()]
    assert stores
    assert not any(token[-43:] in path.read_bytes() for path in stores)
