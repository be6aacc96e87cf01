"""Resolution: compile, resolve and reveal beside JSON, Jinja2, OmegaConf and plain copies (P13 to P16).

``python -m benchmarks.resolution`` prints the goals. Documents: the task of the post office, a workflow of 50 tasks and
one of 5,000. What is bound is compared with what any engine does anyway, which is to parse the document.
"""

from __future__ import annotations

import copy
import gc
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any, Final

from benchmarks.measure import Report, Side, ratio, seconds
from secretref import Grant, Policy, Resolver, Template
from secretref._plan import render
from secretref._survey import _short as scanned
from secretref._syntax import Expression, datum
from secretref._syntax import _near as near
from secretref._syntax import _remembered as remembered
from secretref._template import _KNOWN as KNOWN
from secretref.providers.memory import MemoryProvider

__all__ = ["Document", "authorising", "compiling", "linear", "resolving", "starting"]

SUBJECT: Final = "app:orkes-workers"
USPS: Final = {
    "http_request": {
        "uri": "https://secure.shippingapis.com/ShippingAPI.dll?API=RateV4&XML=<RateV4Request USERID="
        "${workflow.secrets.post_office_username}><Revision>2</Revision><Package ID=0><Service>PRIORITY</Service>"
        "<ZipOrigination>04046</ZipOrigination><ZipDestination>98260</ZipDestination><Pounds>20</Pounds>"
        "<Ounces>0</Ounces><Container>VARIABLE</Container><Width>12</Width><Length>12</Length><Height>12</Height>"
        "<Girth></Girth><Machinable>TRUE</Machinable></Package></RateV4Request>",
        "method": "GET",
        "headers": {"Accept": "application/xml"},
        "connectionTimeOut": 3000,
        "readTimeOut": 3000,
    }
}
_WORDS: Final = ("rate", "parcel", "label", "address", "customs", "pickup", "invoice", "refund", "carrier", "depot")


def _task(rng: random.Random, number: int, *, name: str) -> dict[str, Any]:
    """One task of a workflow: about 36 nodes and 860 characters, with a reference if it has a *name*."""
    word, other = rng.sample(_WORDS, 2)
    headers = {"Accept": "application/json", "X-Request-Id": f"{word}-{number}"}
    if name:
        headers["Authorization"] = f"Bearer ${{workflow.secrets.{name}}}"
    return {
        "name": f"{word}_{other}_{number}",
        "taskReferenceName": f"{word}_{other}_{number}_ref",
        "description": f"Ask for the {word} of the {other}, and retry while the {rng.choice(_WORDS)} is not known yet.",
        "type": "HTTP",
        "inputParameters": {
            "http_request": {
                "uri": f"https://api.example.com/v2/{word}/{other}?page={number}&limit=100&sort=created",
                "method": "POST",
                "contentType": "application/json",
                "connectionTimeOut": 3000,
                "headers": headers,
                "body": {
                    "order": "${workflow.input.order.id}",
                    "note": " ".join(rng.choices(_WORDS, k=16)),
                    "items": [{"sku": f"{word}-{rng.randrange(10**6)}", "count": 2, "gift": False}],
                    "tags": [word, other],
                },
            }
        },
        "retryCount": 3,
        "retryLogic": "EXPONENTIAL_BACKOFF",
        "timeoutSeconds": 60,
        "optional": False,
        "asyncComplete": False,
        "startDelay": 0,
        "decisionCases": {},
        "defaultCase": [],
        "loopOver": [],
    }


class Document:
    """A definition, what its references become, and what peers need to do the same."""

    def __init__(self, title: str, definition: Any, names: Iterable[str]) -> None:
        self.title = title
        self.definition = definition
        self.text = json.dumps(definition)
        self.values = {name: f"value-of-{name}-0123456789" for name in names}

    @classmethod
    def workflow(cls, tasks: int, references: int) -> Document:
        """Make a workflow of *tasks*, *references* of which hold one."""
        rng = random.Random(tasks)
        names = [f"secret_{number}" for number in range(references)]
        chosen = dict(zip(rng.sample(range(tasks), references), names, strict=True))
        listed = [_task(rng, number, name=chosen.get(number, "")) for number in range(tasks)]
        definition = {"name": "orders", "version": 1, "schemaVersion": 2, "tasks": listed}
        return cls(f"{tasks:,} tasks, {references:,} references", definition, names)

    @cached_property
    def template(self) -> Template:
        """The definition, compiled."""
        return Template.compile(self.definition)

    @cached_property
    def expected(self) -> Any:
        """What the definition becomes."""
        text = self.text
        for name, value in self.values.items():
            text = text.replace(f"${{workflow.secrets.{name}}}", value)
        return json.loads(text)

    @cached_property
    def texts(self) -> dict[Expression, str]:
        """What each reference becomes."""
        return {expression: self.values[expression.name] for expression in self.template.secrets}

    def binding(self, *, shared: bool) -> Callable[[], Any]:
        """Put values that were fetched in their places: what is left of a resolution without its ceremony."""
        template = self.template
        if shared:
            return partial(render, template.box, template.edits, self.texts, {}, spine=True)
        return lambda: render(template.fresh_box(), template.edits, self.texts, {}, spine=False)

    @cached_property
    def resolver(self) -> Resolver:
        """A resolver that has all values and grants."""
        grants = [Grant(SUBJECT, name) for name in self.values]
        return Resolver(MemoryProvider(self.values), policy=Policy(grants))

    def resolve(self, *, shared: bool) -> Any:
        """Authorise, fetch, bind, reveal."""
        return self.resolver.resolve(self.template, subject=SUBJECT).reveal(shared=shared)

    def copy_touched(self) -> None:
        """Copy the containers that will change, and do nothing else: the floor of any resolution."""
        made = [self.template.box[0].copy()]
        for number, key in self.template.edits.spine:
            made[number][key] = target = made[number][key].copy()
            made.append(target)

    def jinja(self) -> Callable[[], Any]:
        """Render each string with a template compiled before, as an engine on Jinja2 does."""
        from jinja2 import Environment  # noqa: PLC0415 - a peer

        environment = Environment(variable_start_string="${", variable_end_string="}")  # noqa: S701 - no HTML here
        context = {"workflow": {"secrets": self.values, "input": {"order": {"id": "${workflow.input.order.id}"}}}}
        templates = {text: environment.from_string(text) for text in _strings(self.definition)}
        return lambda: _mapped(self.definition, lambda text: templates[text].render(context))

    def omegaconf(self) -> Callable[[], Any]:
        """Resolve the interpolations of a configuration that was made before."""
        from omegaconf import OmegaConf  # noqa: PLC0415 - a peer

        secrets = {"workflow": {"secrets": self.values, "input": {"order": {"id": "7"}}}}
        config = OmegaConf.create({**secrets, "definition": self.definition})
        return lambda: OmegaConf.to_container(config, resolve=True)


def _strings(tree: Any) -> set[str]:
    if isinstance(tree, str):
        return {tree}
    members = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return set().union(*map(_strings, members))


def _mapped(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, str):
        return change(tree)
    if isinstance(tree, dict):
        return {key: _mapped(member, change) for key, member in tree.items()}
    return [_mapped(member, change) for member in tree] if isinstance(tree, list) else tree


def documents() -> list[Document]:
    """The three documents, with the outputs checked."""
    made = [
        Document("USPS, 1 reference", USPS, ["post_office_username"]),
        Document.workflow(50, 30),
        Document.workflow(5_000, 3_000),
    ]
    for document in made:
        for shared in (False, True):
            assert document.binding(shared=shared)() == document.resolve(shared=shared) == document.expected
        assert document.template.definition == document.definition
    return made


def resolving(report: Report, document: Document, shared_most: float) -> None:
    """P13 and P15: how much of the time to parse the document its resolution takes."""
    report.title(f"{document.title}: {len(document.text):,} characters, json.loads = 1")
    parse = Side(partial(json.loads, document.text))
    for what, shared, most in (("reveal(shared=True)", True, shared_most), ("reveal()", False, 0.9)):
        speed, ours, _ = ratio(Side(document.binding(shared=shared)), parse)
        report.at_most("P13", f"bind fetched values, {what}", 1 / speed, most, note=f"{1e6 * ours:,.1f} us")
        speed, ours, _ = ratio(Side(partial(document.resolve, shared=shared)), parse)
        report.at_most("P13", f"authorise, fetch, bind, {what}", 1 / speed, most, note=f"{1e6 * ours:,.1f} us")
    floor = Side(document.copy_touched)
    speed, ours, theirs = ratio(Side(document.binding(shared=True)), floor)
    report.at_most("P15", "bind over copying the touched containers", 1 / speed, 4, note=f"{1e6 * theirs:,.1f} us")
    report.note(f"copy.deepcopy takes {1e6 * seconds(lambda: copy.deepcopy(document.definition)):,.1f} us")


def beside_engines(report: Report, document: Document) -> None:
    """P13: beside template engines, which are given templates compiled before and values fetched before."""
    rendered, converted = document.jinja(), document.omegaconf()
    assert rendered() == document.expected
    found = json.dumps(converted()["definition"])
    assert found == json.dumps(document.expected).replace("${workflow.input.order.id}", "7")
    for peer, call, least in (("Jinja2", rendered, 100), ("OmegaConf", converted, 2_000)):
        speed, _, theirs = ratio(Side(document.binding(shared=True)), Side(call), pairs=3)
        report.at_least("P13", f"bind over {peer}: {document.title}", speed, least, note=f"{1e6 * theirs:,.0f} us")
        speed, _, _ = ratio(Side(partial(document.resolve, shared=True)), Side(call), pairs=3)
        report.note(f"{speed:,.1f} x with authorising and fetching")


def _compile_again(definition: object) -> None:
    """Compile a definition that was never seen, made of expressions that were."""
    KNOWN.clear()
    Template.compile(definition)


def _compile_anew(definition: object) -> None:
    for cached in (remembered, scanned, datum, near):
        cached.cache_clear()
    _compile_again(definition)


def compiling(report: Report, document: Document) -> None:
    """P14: compiling over parsing the document as JSON."""
    parse = Side(partial(json.loads, document.text))
    speed, ours, _ = ratio(Side(partial(Template.compile, document.definition)), parse)
    report.note(f"{1 / speed:.2f} x to compile the same definition again: {document.title}, {1e6 * ours:,.1f} us")
    speed, ours, _ = ratio(Side(partial(_compile_again, document.definition)), parse)
    report.at_most(
        "P14", f"compile, expressions seen before: {document.title}", 1 / speed, 1.3, note=f"{1e6 * ours:,.1f} us"
    )
    speed, ours, _ = ratio(Side(partial(_compile_anew, document.definition)), parse)
    report.at_most("P14", f"compile, all expressions new: {document.title}", 1 / speed, 6, note=f"{1e6 * ours:,.1f} us")


def nothing_to_do(report: Report) -> None:
    """P14: a document without references, whatever its size."""
    plain = Document.workflow(5_000, 0)
    assert plain.binding(shared=True)() == plain.definition
    spent = seconds(plain.binding(shared=True))
    report.at_most("P14", f"bind without references, {len(plain.text):,} characters", 1e6 * spent, 1, unit="us")


def authorising(report: Report) -> None:
    """P15: 30 names against 10,000 grants, of one subject and of many, some with stars."""
    names = frozenset(f"name_{number}" for number in range(1, 1_500, 50))
    for subjects in (1, 50):
        grants = [
            Grant(f"user:{number % subjects}", f"name_{number}" if number % 10 else f"prefix_{number}_*_x")
            for number in range(10_000)
        ]
        policy = Policy(grants)
        if subjects == 1:
            assert policy.decide("user:0", names).granted == names
        spent = seconds(partial(policy.decide, "user:0", names))
        report.at_most("P15", f"authorise 30 names, 10,000 grants of {subjects} subjects", 1e6 * spent, 100, unit="us")


def linear(report: Report) -> None:
    """Parsing per character: 10 MB over 1 MB of text that is hostile, and of text that is not."""
    units = {
        "references": ("${workflow.secrets.A} ", 100_000),
        "text": ("The quick brown fox. ", 0),
        "$": ("$", 0),
        "${": ("${", 0),
        "$${": ("$${", 0),
        "${ … }": ("${", 1),
    }
    for title, (unit, closed) in units.items():
        size = 2_000_000 if closed > 1 else 10_000_000
        large, small = (unit * (length // len(unit)) for length in (size, size // 10))
        if closed == 1:
            large, small = (text + "}" * (len(text) // 2) for text in (large, small))
        speed, ours, _ = ratio(
            Side(partial(Template.compile, large), len(large)),
            Side(partial(Template.compile, small), len(small)),
            pairs=3,
        )
        report.at_most(
            "REL", f"{title}: time per character, {len(large):,} over a tenth", 1 / speed, 2, note=f"{ours:.2f} s"
        )


def starting(report: Report) -> None:
    """P16: processor time of fresh interpreters, the least of nine."""
    basemodel = _started("from pydantic import BaseModel")
    named = (
        "from pydantic import BaseModel; from secretref import Template, Policy, Resolver, Redactor, ExecutionRecord"
    )
    bare, every, lark = _started("import secretref"), _started(named), _started("import lark")
    before = "from secretref import Template"
    compiled = _started(f"{before}; Template.compile('${{workflow.secrets.A}}')") - _started(before) + _started("pass")
    report.at_most("P16", "import secretref, beyond pydantic's BaseModel", bare - basemodel, 25, unit="ms")
    report.note(f"{every - basemodel:.0f} ms for all main names, beyond pydantic's BaseModel")
    report.at_most("P16", "first compile over import lark", compiled / lark, 1.3, note=f"{compiled:.0f} ms")


def _started(program: str) -> float:
    """Processor time of a fresh interpreter that runs *program*, in milliseconds."""
    code = f"{program}\nimport time; print(time.process_time())"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True) for _ in range(9)]  # noqa: S603
    return 1e3 * min(float(run.stdout) for run in runs)


def main() -> None:
    """Print all goals of this module."""
    report = Report()
    small, middle, large = made = documents()
    gc.collect()
    gc.freeze()  # or whoever happens to set off a full collection pays for these documents
    for document, shared_most in zip(made, (0.25, 0.12, 0.15), strict=True):
        resolving(report, document, shared_most)
    report.title("Beside template engines")
    for document in (small, middle):
        beside_engines(report, document)
    report.title("Compiling, json.loads = 1")
    for document in (small, middle, large):
        compiling(report, document)
    nothing_to_do(report)
    report.title("Authorising")
    authorising(report)
    report.title("Linear parsing")
    linear(report)
    report.title("Starting")
    starting(report)
    report.close()


if __name__ == "__main__":
    main()
