"""An unmodified SDK worker, polling a stand-in for Conductor on loopback, with guarded functions."""

import asyncio
import http.server
import inspect
import json
import logging
import threading
import time
from dataclasses import dataclass

import pytest
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import TaskInProgress, get_task_context
from conductor.client.http.models.task import Task
from conductor.client.http.models.task_exec_log import TaskExecLog
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker import Worker

from secretref import Grant, Policy, Resolver
from secretref.errors import ProviderUnavailableError
from secretref.integrations.conductor_worker import guarded
from secretref.providers.memory import MemoryProvider

TOKEN, PASSWORD, SERVED = "cnry-Wk01-token-value", 'cnry"Wk02\\pass', "cnry-Wk03-served-value"
VALUES = (TOKEN, PASSWORD, SERVED, json.dumps(PASSWORD)[1:-1])
resolver = Resolver(
    MemoryProvider({"token": TOKEN, "password": PASSWORD, "other": "cnry-Wk04-other"}),
    policy=Policy([Grant("app:orkes-workers", name) for name in ("token", "password", "absent")]),
)
DEFINITION = {
    "url": "${workflow.input.url}",
    "auth": "Bearer ${workflow.secrets.token}",
    "note": "${workflow.input.note}",
}
BOUND = {"url": "https://a.example", "auth": "Bearer ${workflow.secrets.token}", "note": "${workflow.secrets.other}"}


class Conductor(http.server.ThreadingHTTPServer):
    """Hands out one task; keeps what comes back."""

    daemon_threads = True

    def __init__(self, task):
        self.tasks, self.updates, self.updated = [task], [], threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        handed, self.server.tasks = self.server.tasks, []
        self.answer(200, json.dumps(handed))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("/update-v2"):
            self.server.updates.append(body)
            self.server.updated.set()
        self.answer(204, "")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def run(function, caplog, *, definition=DEFINITION, bound=BOUND, metadata=None):
    """Run one task through the SDK's own runner; return the update it sent."""
    task = {
        "taskId": "t1",
        "taskDefName": "send",
        "taskType": "send",
        "referenceTaskName": "send_ref",
        "status": "IN_PROGRESS",
        "workflowInstanceId": "w1",
        "workflowType": "post",
        "inputData": bound,
        "runtimeMetadata": metadata or {},
        "workflowTask": {"name": "send", "taskReferenceName": "send_ref", "inputParameters": definition},
    }
    server = Conductor(task)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    caplog.set_level(logging.DEBUG)
    try:
        url = f"http://127.0.0.1:{server.server_port}/api"
        runner = TaskRunner(Worker("send", function, poll_interval=0.01), Configuration(server_api_url=url))
        ends = time.monotonic() + 15
        while not server.updated.is_set() and time.monotonic() < ends:
            runner.run_once()
            time.sleep(0.01)
        runner._executor.shutdown(wait=True)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    (update,) = server.updates
    seen = update + caplog.text
    assert not [value for value in VALUES if value in seen]
    return json.loads(update)


def test_a_function_by_name_gets_values_and_leaves_marks(caplog):
    got = {}

    @guarded(resolver)
    def send(url: str, auth: str, note: str, missing: str, count: int = 3):
        got.update(locals())
        logging.getLogger("worker").warning("sent %s", auth)
        return {"echo": auth, "url": url}

    update = run(send, caplog)
    assert got["auth"] == f"Bearer {TOKEN}"
    assert got["note"] == "${workflow.secrets.other}", "what a caller sent is never resolved"
    assert (got["missing"], got["count"], got["url"]) == (None, 3, "https://a.example")
    assert update["status"] == "COMPLETED"
    assert update["outputData"] == {"echo": "Bearer ***", "url": "https://a.example"}


def test_a_function_of_the_task_gets_a_copy(caplog):
    seen = []

    @guarded(resolver)
    def send(task: Task):
        seen.append(task)
        return {"auth": task.input_data["auth"]}

    assert run(send, caplog)["outputData"] == {"auth": "Bearer ***"}
    assert seen[0].input_data["auth"] == f"Bearer {TOKEN}"


def test_an_asynchronous_function(caplog):
    @guarded(resolver)
    async def send(auth: str):
        await asyncio.sleep(0.01)
        logging.getLogger("worker").warning("sent %s", auth)
        return auth

    assert inspect.iscoroutinefunction(send)
    assert run(send, caplog)["outputData"] == {"result": "Bearer ***"}


def test_no_fault_of_a_policy_stops_an_asynchronous_worker():
    def policy():
        raise StopIteration

    @guarded(Resolver(MemoryProvider({}), policy=policy))
    async def send(auth: str):
        raise AssertionError(auth)

    task = Task(input_data=BOUND, workflow_task=WorkflowTask("send", "send_ref", input_parameters=DEFINITION))

    async def bounded():
        async with asyncio.timeout(10):
            await send(task)

    with pytest.raises(NonRetryableException, match="StopIteration"):
        asyncio.run(bounded())


@dataclass
class Address:
    street: str
    code: str


def test_arguments_of_a_class_are_made_of_resolved_input(caplog):
    got = []

    @guarded(resolver)
    def send(to: Address) -> Address:
        got.append(to)
        return to

    definition = {"to": {"street": "Main", "code": "${workflow.secrets.token}"}}
    update = run(send, caplog, definition=definition, bound=definition)
    assert got == [Address("Main", TOKEN)]
    assert update["outputData"] == {"street": "Main", "code": "***"}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("kind", "status"), [(ValueError, "FAILED"), (NonRetryableException, "FAILED_WITH_TERMINAL_ERROR")]
)
def test_exceptions_keep_their_meaning_and_lose_their_values(caplog, kind, status, asynchronous):
    def send(auth: str):
        try:
            raise KeyError(auth)
        except KeyError as error:
            raise kind(f"refused {auth}") from error

    async def asend(auth: str):
        send(auth)

    update = run(guarded(resolver)(asend if asynchronous else send), caplog)
    assert (update["status"], update["reasonForIncompletion"]) == (status, "refused Bearer ***")


def test_what_the_server_resolved_is_hidden_too(caplog):
    @guarded(resolver)
    def send(task: Task):
        return {"got": f"<{task.runtime_metadata['key']}>"}

    assert run(send, caplog, metadata={"key": SERVED, "empty": ""})["outputData"] == {"got": "<***>"}


def test_results_progress_and_logs_of_the_sdk_are_hidden(caplog):
    @guarded(resolver)
    def result(task: Task):
        made = TaskResult(status="FAILED", output_data={"a": task.input_data["auth"]})
        made.reason_for_incompletion = f"no {TOKEN}"
        made.logs = [TaskExecLog(f"tried {TOKEN}", "t1", 1)]
        return made

    update = run(result, caplog)
    assert (update["outputData"], update["reasonForIncompletion"]) == ({"a": "Bearer ***"}, "no ***")
    assert update["logs"][0]["log"] == "tried ***"

    @guarded(resolver)
    def progress(auth: str):
        get_task_context().add_log(f"using {auth}")
        return TaskInProgress(30, {"auth": auth})

    update = run(progress, caplog)
    assert (update["status"], update["outputData"]) == ("IN_PROGRESS", {"auth": "Bearer ***"})
    assert update["logs"][0]["log"] == "using Bearer ***"


@pytest.mark.parametrize("reference", ["other", "absent", ""])
def test_what_is_denied_missing_or_malformed_ends_the_task_for_good(caplog, reference):
    called = []

    def send(task):
        called.append(task)

    definition = {"auth": f"${{workflow.secrets.{reference}}}"}
    update = run(guarded(resolver)(send), caplog, definition=definition, bound=definition)
    assert update["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert update["reasonForIncompletion"].partition(":")[0] in {"denied", "missing", "syntax"}
    assert not called


def test_a_provider_that_is_away_fails_the_attempt_only(caplog):
    class Away:
        def fetch(self, names):
            raise ProviderUnavailableError("away", kind="deadline", names=names)

    away = Resolver(Away(), policy=Policy.allow_all())
    update = run(guarded(away)(lambda task: None), caplog)
    assert update["status"] == "FAILED"


def test_without_a_definition_only_named_parameters_are_resolved(caplog):
    def send(task: Task):
        return {"same": task.input_data == BOUND, "auth": task.input_data["auth"]}

    assert run(guarded(resolver)(send), caplog, definition=None)["outputData"] == {"same": True, "auth": BOUND["auth"]}
    named = guarded(resolver, definitions=["auth", "absent"])(send)
    assert run(named, caplog, definition=None)["outputData"] == {"same": False, "auth": "Bearer ***"}
