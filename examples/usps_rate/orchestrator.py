"""How a workflow engine embeds secretref: a hundred lines that run HTTP and INLINE tasks. An example, not an engine.

    definition → Template → resolve → task → record → 02-get_rate.1.json

Three habits keep values out of everything the engine writes:

1. The definition is compiled once. What callers and tasks send is ``data``, looked up and never read as a template.
2. ``reveal()`` is called in the call of the task, so no variable of the engine holds a value.
3. After the task, the engine knows the record only: later tasks, retry logs and results are made from it.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from secretref import Template
from secretref.errors import SecretRefError

if TYPE_CHECKING:
    from pathlib import Path

    from secretref import ExecutionRecord, Resolver

log = logging.getLogger("orchestrator")


class TaskError(Exception):
    """A task did not do its work."""


class WorkflowError(Exception):
    """A task failed for good."""


class Orchestrator:
    """Runs definitions for one subject; keeps one record a task and attempt in a folder."""

    def __init__(self, resolver: Resolver, *, subject: str, records: Path, environment: dict[str, str]) -> None:
        self.resolver, self.subject, self.records, self.environment = resolver, subject, records, environment
        records.mkdir(parents=True, exist_ok=True)

    def run(self, definition: dict[str, Any], caller_input: dict[str, Any]) -> dict[str, Any]:
        """Run the tasks in order; return their outputs by task reference name."""
        steps = [(task, Template.compile(task["inputParameters"])) for task in definition["tasks"]]
        context: dict[str, Any] = {"workflow": {"input": caller_input, "env": self.environment}}
        outputs: dict[str, Any] = {}
        for number, (task, template) in enumerate(steps, start=1):
            name = task["taskReferenceName"]
            data = escaped(context) if task.get("dataEscape") == "xml" else context
            record = self._with_retries(f"{number:02}-{name}", task, template, data)
            if record.error and not task.get("optional"):
                raise WorkflowError(f"{name} failed: {record.error}")
            outputs[name] = record.output
            context[name] = {"output": record.output}
        return outputs

    def _with_retries(self, label: str, task: dict[str, Any], template: Template, data: Any) -> ExecutionRecord:
        attempts = 1 + task.get("retryCount", 0)
        for attempt in range(1, attempts + 1):
            record = self._attempt(task, template, data)
            path = self.records / f"{label}.{attempt}.json"
            path.write_text(record.model_dump_json(indent=2), encoding="utf-8")
            if record.error is None:
                log.info("%s done, attempt %d", label, attempt)
                break
            log.warning("%s failed, attempt %d of %d: %s", label, attempt, attempts, record.error)
        return record

    def _attempt(self, task: dict[str, Any], template: Template, data: Any) -> ExecutionRecord:
        name = task["taskReferenceName"]
        try:
            resolved = self.resolver.resolve(template, subject=self.subject, data=data, task=name)
        except SecretRefError as refusal:
            log.warning("%s not started: %s", name, refusal)
            raise
        try:
            output = TASKS[task["type"]](resolved.reveal())
        except Exception as error:  # noqa: BLE001 - whatever a task raises is its result
            return resolved.record(error=error)
        return resolved.record(output=output)


def escaped(data: Any) -> Any:
    """Escape all text of *data* for XML. The definition's author asks for it; the library changes no data."""
    if isinstance(data, dict):
        return {key: escaped(value) for key, value in data.items()}
    if isinstance(data, list):
        return [escaped(value) for value in data]
    return escape(data, {'"': "&quot;"}) if isinstance(data, str) else data


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: the request carries a value, and it was not meant for another host."""


def http(inputs: dict[str, Any]) -> dict[str, Any]:
    """Send one request, its URI written as it reads and encoded here; a refusal shows URL and answer, as clients do."""
    request = inputs["http_request"]
    url = encoded(request["uri"])
    body = urlencode(request["body"]).encode() if "body" in request else None
    headers = {"Content-Type": request["contentType"]} if body else {}
    call = Request(url, body, headers, method=request["method"])  # noqa: S310 - the engine's own address
    log.debug("%s %s", request["method"], request["uri"].partition("?")[0])
    try:
        with build_opener(_StayHere, ProxyHandler({})).open(call, timeout=10) as answer:
            return {"response": {"statusCode": answer.status, "body": answer.read().decode()}}
    except HTTPError as error:
        raise TaskError(f"{error} for {url}: {error.read().decode(errors='replace')}") from error


def encoded(uri: str) -> str:
    """Percent-encode the values of a query, which the definition writes as they read."""
    path, mark, query = uri.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&"))
    return path + mark + "&".join(f"{name}{sign}{quote(value, safe='')}" for name, sign, value in pairs)


def inline(inputs: dict[str, Any]) -> dict[str, Any]:
    """Evaluate an expression of the definition over a document: XPath stands in for an engine's script language."""
    if inputs["evaluatorType"] != "xpath":
        raise TaskError("evaluatorType xpath expected")
    return {"result": ET.fromstring(inputs["document"]).findtext(inputs["expression"])}  # noqa: S314 - the stand-in's answer


TASKS = {"HTTP": http, "INLINE": inline}


def load(path: Path) -> dict[str, Any]:
    """Read a workflow definition."""
    definition: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return definition
