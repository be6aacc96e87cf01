"""OrkesProvider against a scripted server on loopback that really speaks HTTP."""

import asyncio
import base64
import gc
import http.server
import importlib
import json
import multiprocessing
import pickle
import socket
import sys
import threading
import time
from collections import Counter

import pytest
from pydantic import SecretStr

from secretref.errors import (
    AccessDeniedError,
    ConfigurationError,
    MissingExtraError,
    ProviderError,
    ProviderUnavailableError,
)
from secretref.providers import load
from secretref.providers.orkes import OrkesProvider

VALUE = "cnry-Zq81-orkes-value"
SECRET = "cnry-Kk42-key-secret"


class Scripted:
    """Answers by ``answer(method, path, body, headers)`` → (status, body, headers); counts and remembers requests."""

    def __init__(self):
        self.requests = []
        self.tokens = 0
        self.secrets = {"A": VALUE, "B": "b-value"}
        self.batch = True
        self.hook = None
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()
        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with scripted.lock:
                    scripted.requests.append((self.command, self.path, body, dict(self.headers)))
                    scripted.in_flight += 1
                    scripted.most_in_flight = max(scripted.most_in_flight, scripted.in_flight)
                try:
                    reply = scripted.reply(self.command, self.path, body, self.headers)
                    if reply is None:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    status, text, headers = reply
                    raw = text.encode() if isinstance(text, str) else text
                    self.send_response(status)
                    for key, value in ({"Content-Length": str(len(raw))} | headers).items():
                        self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    self.close_connection = True
                finally:
                    with scripted.lock:
                        scripted.in_flight -= 1

            do_GET = do_POST = handle_any  # noqa: N815 - the names that the base class calls

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def reply(self, method, path, body, headers):
        reply = self.hook(method, path, body, headers) if self.hook else None
        if reply == "cut":
            return None
        if reply is not None:
            return reply
        if path == "/api/token":
            self.tokens += 1
            wanted = {"keyId": "key", "keySecret": SECRET}
            return (
                (200, json.dumps({"token": f"t{self.tokens}"}), {}) if json.loads(body) == wanted else (401, "{}", {})
            )
        if path == "/api/secrets/resolve":
            if not self.batch:
                return 405, "{}", {}
            names = json.loads(body)["names"]
            found = {name: {"outcome": "FOUND", "value": self.secrets[name]} for name in names if name in self.secrets}
            return 200, json.dumps({"results": {name: {"outcome": "NOT_FOUND"} for name in names} | found}), {}
        name = path.removeprefix("/api/secrets/")
        return (200, self.secrets[name], {"Content-Type": "text/plain"}) if name in self.secrets else (404, "{}", {})

    def count(self, path):
        return sum(1 for request in self.requests if request[1] == path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def server():
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def provider(server):
    with OrkesProvider(server.url, "key", SECRET, plain_http=True, timeout=5.0) as made:
        yield made


def plain(values):
    return {name: value.get_secret_value() for name, value in values.items()}


def refusal(status, error=None):
    return status, json.dumps({"status": status, "message": VALUE} | ({"error": error} if error else {})), {}


def test_a_batch_fetches_what_exists_in_one_request(server, provider):
    assert plain(provider.fetch(frozenset({"A", "B", "C"}))) == {"A": VALUE, "B": "b-value"}
    assert [request[1] for request in server.requests] == ["/api/token", "/api/secrets/resolve"]


def test_where_there_is_no_batch_names_are_read_one_by_one_and_that_is_remembered(server, provider):
    server.batch = False
    for _ in range(2):
        assert plain(provider.fetch(frozenset({"A", "C"}))) == {"A": VALUE}
    assert server.count("/api/secrets/resolve") == 1
    assert server.count("/api/secrets/A") == 2


def test_async_and_sync_share_one_token(server, provider):
    provider.fetch(frozenset({"A"}))
    assert plain(asyncio.run(provider.afetch(frozenset({"A"})))) == {"A": VALUE}
    assert plain(asyncio.run(provider.afetch(frozenset({"B"})))) == {"B": "b-value"}
    assert server.tokens == 1


def test_many_names_go_in_several_batches(server, provider):
    server.secrets = {f"N{number}": str(number) for number in range(1200)}
    assert plain(provider.fetch(frozenset(server.secrets))) == server.secrets
    assert server.count("/api/secrets/resolve") == 3


def test_nothing_is_asked_for_names_that_are_no_names(server, provider):
    odd = ["..", ".", "a/b", "%2f", "a?b", "a#b", "", "ä", "x" * 256, "clearLocalCache", "clearRedisCache", "v2", "A\n"]
    assert provider.fetch(frozenset(odd)) == {}
    assert server.requests == []


@pytest.mark.parametrize("error", ["EXPIRED_TOKEN", "INVALID_TOKEN"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_stale_token_is_renewed_once(server, provider, error, status):
    def hook(method, path, body, headers):
        return refusal(status, error) if headers.get("X-Authorization") == "t1" else None

    server.hook = hook
    assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}
    assert server.tokens == 2


def test_a_token_refused_again_is_an_error_without_a_loop(server, provider):
    server.hook = lambda method, path, *_: refusal(401, "INVALID_TOKEN") if path != "/api/token" else None
    with pytest.raises(ProviderError, match="token refused"):
        provider.fetch(frozenset({"A"}))
    assert server.tokens == 2


def test_concurrent_fetches_share_one_renewal(server, provider):
    def hook(method, path, body, headers):
        if path == "/api/token":
            time.sleep(0.2)

    server.hook = hook

    async def many():
        return await asyncio.gather(*(provider.afetch(frozenset({"A"})) for _ in range(100)))

    assert all(plain(values) == {"A": VALUE} for values in asyncio.run(many()))
    assert server.tokens == 1


def test_a_cancelled_leader_does_not_cancel_those_who_wait_for_its_token(server, provider):
    gate = threading.Event()
    server.hook = lambda method, path, *_: gate.wait(5) and None if path == "/api/token" else None

    async def run():
        leader = asyncio.create_task(provider.afetch(frozenset({"A"})))
        await asyncio.sleep(0.1)
        follower = asyncio.create_task(provider.afetch(frozenset({"B"})))
        await asyncio.sleep(0.1)
        leader.cancel()
        gate.set()
        return await follower

    assert plain(asyncio.run(run())) == {"B": "b-value"}
    assert server.tokens == 1


def test_a_jwt_is_renewed_before_it_expires(server, provider):
    def token(life):
        claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + life}).encode()).decode().rstrip("=")
        return 200, json.dumps({"token": f"h.{claims}.s"}), {}

    server.hook = lambda method, path, *_: token(1.0) if path == "/api/token" else None
    provider.fetch(frozenset({"A"}))
    time.sleep(0.6)
    provider.fetch(frozenset({"A"}))
    assert server.count("/api/token") == 2


@pytest.mark.parametrize("token", ["h.!!.s", "h.W10.s", "h.eyJleHAiOiJ4In0.s", "opaque"])
def test_a_token_that_does_not_tell_its_end_is_kept(server, provider, token):
    server.hook = lambda method, path, *_: (200, json.dumps({"token": token}), {}) if path == "/api/token" else None
    provider.fetch(frozenset({"A"}))
    provider.fetch(frozenset({"A"}))
    assert server.count("/api/token") == 1


@pytest.mark.parametrize("fault", ["cut", (429, "", {}), (500, VALUE, {}), (503, "", {"Retry-After": "0"})])
def test_faults_that_may_pass_are_tried_again(server, provider, fault):
    seen = Counter()

    def hook(method, path, body, headers):
        seen[path] += 1
        return fault if seen[path] < 3 and path != "/api/token" else None

    server.hook = hook
    assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}
    assert seen["/api/secrets/resolve"] == 3


@pytest.mark.parametrize("status", [400, 401, 402, 409, 422, 301, 302, 303, 307, 308, 204])
def test_other_answers_are_never_tried_again(server, provider, status):
    headers = {"Location": "/api/elsewhere"} if status in range(300, 400) else {}
    server.hook = lambda method, path, *_: (
        (status, VALUE if status != 204 else "", headers) if path != "/api/token" else None
    )
    with pytest.raises(ProviderError) as caught:
        provider.fetch(frozenset({"A"}))
    assert caught.value.kind == f"HTTP {status}"
    assert not isinstance(caught.value, ProviderUnavailableError)
    assert server.count("/api/secrets/resolve") == 1
    assert server.count("/api/elsewhere") == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_credentials_follow_no_redirect(server, status):
    elsewhere = Scripted()
    server.hook = lambda method, path, *_: (status, "", {"Location": elsewhere.url + path.removeprefix("/api")})
    with (
        OrkesProvider(server.url, "key", SECRET, plain_http=True) as provider,
        pytest.raises(ProviderError, match=f"HTTP {status}"),
    ):
        provider.fetch(frozenset({"A"}))
    elsewhere.close()
    assert elsewhere.requests == []


def test_wrong_credentials_are_asked_once_and_not_quoted(server):
    with (
        OrkesProvider(server.url, "key", "wrong-" + SECRET, plain_http=True) as provider,
        pytest.raises(ProviderError, match="credentials refused") as caught,
    ):
        provider.fetch(frozenset({"A"}))
    assert server.count("/api/token") == 1
    assert SECRET not in repr(caught.value) + str(vars(caught.value))


@pytest.mark.parametrize("reply", ["[]", "{}", '{"token": 1}', "no json", '{"token": ""}'])
def test_a_token_answer_without_token_is_an_error(server, provider, reply):
    server.hook = lambda *_: (200, reply, {})
    with pytest.raises(ProviderError, match="malformed answer"):
        provider.fetch(frozenset({"A"}))


@pytest.mark.parametrize("reply", ["[]", "{}", '{"results": []}', "no json", "[" * 100_000, b"\xff"])
def test_a_batch_answer_of_another_shape_is_an_error(server, provider, reply):
    server.hook = lambda method, path, *_: (200, reply, {}) if path != "/api/token" else None
    with pytest.raises(ProviderError, match="malformed answer"):
        provider.fetch(frozenset({"A"}))


@pytest.mark.parametrize("result", [None, 5, {}, {"outcome": "FOUND"}, {"outcome": "UNREADABLE"}, {"outcome": VALUE}])
def test_a_name_that_cannot_be_read_fails_the_batch_by_name(server, provider, result):
    results = {"results": {"A": result, "B": {"outcome": "FOUND", "value": VALUE}}}
    server.hook = lambda method, path, *_: (200, json.dumps(results), {}) if path != "/api/token" else None
    with pytest.raises(ProviderError, match="unreadable") as caught:
        provider.fetch(frozenset({"A", "B"}))
    assert caught.value.names == {"A"}
    assert VALUE not in str(caught.value)


def test_denied_names_are_all_told(server, provider):
    denied = {
        "results": {"A": {"outcome": "ACCESS_DENIED"}, "B": {"outcome": "ACCESS_DENIED"}, "C": {"outcome": "NOT_FOUND"}}
    }
    server.hook = lambda method, path, *_: (200, json.dumps(denied), {}) if path != "/api/token" else None
    with pytest.raises(AccessDeniedError) as caught:
        provider.fetch(frozenset({"A", "B", "C"}))
    assert caught.value.names == {"A", "B"}


def test_denied_names_are_all_told_without_a_batch_too(server, provider):
    server.batch = False
    server.hook = lambda method, path, *_: refusal(403) if path in {"/api/secrets/A", "/api/secrets/B"} else None
    with pytest.raises(AccessDeniedError) as caught:
        provider.fetch(frozenset({"A", "B", "C"}))
    assert caught.value.names == {"A", "B"}


def test_a_single_read_that_fails_names_all_that_failed(server, provider):
    server.batch = False
    server.hook = lambda method, path, *_: (
        (200, b"\xff\xfe", {}) if path in {"/api/secrets/A", "/api/secrets/C"} else None
    )
    with pytest.raises(ProviderError, match="malformed answer") as caught:
        provider.fetch(frozenset({"A", "B", "C"}))
    assert caught.value.names == {"A", "C"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_answer_nobody_asked_for_is_refused(server, provider, encoding):
    server.hook = lambda method, path, *_: (200, b"x", {"Content-Encoding": encoding}) if path != "/api/token" else None
    with pytest.raises(ProviderError, match="oversized answer"):
        provider.fetch(frozenset({"A"}))


def test_an_answer_beyond_the_cap_is_cut_off(server, provider):
    server.hook = lambda method, path, *_: (200, b"x" * (17 * 1024 * 1024), {}) if path != "/api/token" else None
    with pytest.raises(ProviderError, match="oversized answer"):
        provider.fetch(frozenset({"A"}))


def test_a_broken_answer_is_an_error(server, provider):
    server.hook = lambda method, path, *_: (200, "{}", {"Transfer-Encoding": "odd"}) if path != "/api/token" else None
    with pytest.raises(ProviderUnavailableError, match="RemoteProtocolError"):
        provider.fetch(frozenset({"A"}))


@pytest.mark.parametrize("slow", ["hung", "dribbling", "late", "Retry-After"])
def test_one_deadline_holds_for_everything(slow):
    """A raw listener, because the fault is below HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    done = threading.Event()

    def serve():
        open_connections = []
        while not done.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            open_connections.append(connection)
            threading.Thread(target=behave, args=(connection,), daemon=True).start()
        for connection in open_connections:
            connection.close()

    def behave(connection):
        try:
            connection.recv(65536)
            if slow == "dribbling":
                for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100:
                    connection.sendall(bytes([byte]))
                    if done.wait(0.05):
                        return
            elif slow == "late":
                done.wait(0.7)
            elif slow == "Retry-After":
                connection.sendall(b"HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    started = time.monotonic()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with (
        OrkesProvider(url, "key", SECRET, plain_http=True, timeout=0.5) as provider,
        pytest.raises(ProviderUnavailableError),
    ):
        provider.fetch(frozenset({"A"}))
    elapsed = time.monotonic() - started
    done.set()
    thread.join()
    listener.close()
    assert elapsed < 2.0


def test_a_failing_server_is_left_alone_and_found_again(server):
    down = True
    server.hook = lambda *_: (500, "", {}) if down else None
    with OrkesProvider(server.url, "key", SECRET, plain_http=True, timeout=2.0, attempts=2) as provider:
        for _ in range(50):
            with pytest.raises(ProviderUnavailableError):
                provider.fetch(frozenset({"A"}))
        assert len(server.requests) <= 6
        down = False
        time.sleep(1.3)
        assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}


def test_a_probe_that_fails_opens_the_circuit_for_longer(server):
    server.hook = lambda *_: (500, "", {})
    with OrkesProvider(server.url, "key", SECRET, plain_http=True, attempts=1) as provider:
        for _ in range(10):
            with pytest.raises(ProviderUnavailableError):
                provider.fetch(frozenset({"A"}))
        assert len(server.requests) == 5
        time.sleep(1.3)
        for _ in range(3):
            with pytest.raises(ProviderUnavailableError):
                provider.fetch(frozenset({"A"}))
        assert len(server.requests) == 6


def test_reads_run_together_up_to_a_limit(server):
    server.batch = False
    server.secrets = {f"N{number}": "v" for number in range(24)}
    server.hook = lambda method, path, *_: time.sleep(0.05) if path.startswith("/api/secrets/N") else None
    with OrkesProvider(server.url, "key", SECRET, plain_http=True, concurrency=4) as provider:
        assert len(provider.fetch(frozenset(server.secrets))) == 24
    assert 2 <= server.most_in_flight <= 4


def test_the_provider_guards_its_credentials(server, provider):
    provider.fetch(frozenset({"A"}))
    shown = f"{provider!r} {provider!s} {vars(provider)!r} {[vars(c) for c in provider._clusters.values()]!r}"
    assert SECRET not in shown
    assert "t1" not in shown
    with pytest.raises(TypeError, match="credentials"):
        pickle.dumps(provider)


@pytest.mark.parametrize(
    "url",
    ["http://cluster.example/api", "http://10.0.0.1/api", "ftp://127.0.0.1", "https://", "https://u:p@h/api", "https://h/?q=1",
     "https://h/#f", "cluster.example", "http://localhost.evil.example", "https://[::1"],
)  # fmt: skip
def test_an_address_that_could_carry_credentials_in_clear_is_refused(url):
    with pytest.raises(ConfigurationError) as caught:
        OrkesProvider(url, "key", SECRET, plain_http=True)
    assert "u:p" not in str(caught.value)


def test_plain_http_to_loopback_is_an_explicit_choice():
    with pytest.raises(ConfigurationError):
        OrkesProvider("http://127.0.0.1:1/api", "key", SECRET)


def test_load_reads_what_the_sdks_read(server, monkeypatch):
    monkeypatch.setenv("CONDUCTOR_AUTH_KEY", "key")
    with pytest.raises(ConfigurationError, match="CONDUCTOR_AUTH_SECRET"):
        load("orkes://cluster.example/api")
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", SECRET)
    with load(f"{server.url.replace('http', 'orkes')}?plain_http=true&timeout=5") as provider:
        assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "https://cluster.example/api/")
    assert repr(load("orkes")) == "OrkesProvider('https://cluster.example/api')"


def test_a_secret_str_serves_as_key_secret(server):
    with OrkesProvider(server.url, "key", SecretStr(SECRET), plain_http=True) as provider:
        assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}
        provider.close()
        assert plain(provider.fetch(frozenset({"A"}))) == {"A": VALUE}


def test_a_closed_provider_ends_what_is_under_way(server):
    gate = threading.Event()
    server.hook = lambda *_: gate.wait(5) and None
    provider = OrkesProvider(server.url, "key", SECRET, plain_http=True)

    async def run():
        task = asyncio.create_task(provider.afetch(frozenset({"A"})))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(provider.close)
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    gate.set()
    provider.close()


def test_a_provider_that_is_let_go_stops_its_thread(server):
    provider = OrkesProvider(server.url, "key", SECRET, plain_http=True)
    provider.fetch(frozenset({"A"}))
    before = {thread.name for thread in threading.enumerate()}
    assert "secretref-orkes" in before
    del provider
    gc.collect()
    assert "secretref-orkes" not in {thread.name for thread in threading.enumerate()}


def test_a_provider_let_go_by_its_own_thread_does_not_wait_for_itself(server, provider):
    provider.fetch(frozenset({"A"}))
    (cluster,) = provider._clusters.values()
    cluster.loop.call_soon_threadsafe(cluster.close)
    cluster._thread.join(timeout=5)
    assert not cluster._thread.is_alive()


def _fetch_in_child(provider, queue):
    queue.put(sorted(provider.fetch(frozenset({"A"}))))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(server, provider):
    provider.fetch(frozenset({"A"}))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fetch_in_child, args=(provider, queue))
    child.start()
    assert queue.get(timeout=10) == ["A"]
    child.join(timeout=10)
    assert child.exitcode == 0
    assert server.tokens == 2


def test_a_token_that_no_header_can_carry_is_an_error(server, provider):
    server.hook = lambda method, path, *_: (200, json.dumps({"token": "a\nb"}), {}) if path == "/api/token" else None
    with pytest.raises(ProviderError, match="LocalProtocolError") as caught:
        provider.fetch(frozenset({"A"}))
    assert not isinstance(caught.value, ProviderUnavailableError)


def test_without_httpx_the_error_is_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    monkeypatch.delitem(sys.modules, "secretref.providers._http")
    with pytest.raises(MissingExtraError, match=r"secretref-workflow\[orkes\]"):
        importlib.import_module("secretref.providers._http")


def test_no_error_keeps_an_answer_in_its_frames(server, provider):
    server.hook = lambda method, path, *_: (422, VALUE, {}) if path != "/api/token" else None
    with pytest.raises(ProviderError) as caught:
        provider.fetch(frozenset({"A"}))
    error, shown = caught.value, []
    assert error.__context__ is None
    assert error.__cause__ is None
    trace = error.__traceback__
    while trace is not None:
        if "secretref" in trace.tb_frame.f_code.co_filename and "tests" not in trace.tb_frame.f_code.co_filename:
            shown.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    assert shown
    assert VALUE not in "".join(shown)
