"""The language as data: tests/language/*.json. Whoever implements the language elsewhere can run the same cases."""

import json
import re
from pathlib import Path

import pytest

from secretref import Policy, Resolver, Template
from secretref._syntax import _FIXES
from secretref.errors import SecretRefError, TemplateSyntaxError
from secretref.providers.memory import MemoryProvider

CASES = Path(__file__).parent / "language"
REFERENCES = json.loads((CASES / "references.json").read_text("utf-8"))
FAULTS = json.loads((CASES / "faults.json").read_text("utf-8"))
RESOLVING = json.loads((CASES / "resolving.json").read_text("utf-8"))


def about(case):
    return case["about"]


@pytest.mark.parametrize("case", REFERENCES, ids=about)
def test_the_references_of_a_text(case):
    template = Template.compile(case["text"])
    found = [{"name": each.name, "path": list(each.path), "span": list(each.span)} for each in template.references]
    assert found == case["references"]
    assert {each.place for each in template.references} <= {""}
    assert str(template) == case["text"]


@pytest.mark.parametrize("case", FAULTS, ids=about)
def test_what_is_wrong_with_a_text(case):
    with pytest.raises(TemplateSyntaxError) as caught:
        Template.compile({"b": [case["text"]]})
    faults = caught.value.faults
    assert [fault.reason for fault in faults] == [fault["reason"] for fault in case["faults"]]
    for fault, expected in zip(faults, case["faults"], strict=True):
        start, end = fault.span
        assert case["text"][start:end] == expected["reference"]
        assert fault.reference == expected["reference"][:100]
        assert fault.place == "/b/0"
        assert fault.expected


@pytest.mark.parametrize("case", RESOLVING["cases"], ids=about)
def test_what_a_definition_becomes(case):
    provider = MemoryProvider(RESOLVING["values"])
    resolver = Resolver(provider, policy=Policy.allow_all(), missing=case.get("missing", "error"))
    template = Template.compile(case["definition"])
    if "error" in case:
        with pytest.raises(SecretRefError) as caught:
            resolver.resolve(template, subject="app:tests", data=case.get("data"))
        assert caught.value.code == case["error"]
        assert list(getattr(caught.value, "references", ())) == case.get("references", [])
        assert sorted(getattr(caught.value, "names", ())) == case.get("names", sorted(template.names))
    else:
        resolved = resolver.resolve(template, subject="app:tests", data=case.get("data"))
        for shared in (False, True):
            found = resolved.reveal(shared=shared)
            assert (found, type(found)) == (case["result"], type(case["result"]))


def test_the_blocks_of_the_page_run():
    page = (Path(__file__).parents[1] / "docs" / "language.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    exec("\n".join(blocks), {})


def test_the_page_names_every_reason():
    page = (Path(__file__).parents[1] / "docs" / "language.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == set(_FIXES)
