"""The public names, and what importing them costs others."""

import subprocess
import sys

import pytest

import secretref

HEAVY = ("lark", "hyperscan", "hypothesis", "asyncio", "logging", "importlib.metadata", "xml", "numpy", "typer", "rich")
SDKS = ("sqlalchemy", "cryptography", "httpx", "fastapi", "keyring", "psycopg", "jsonpath", "yaml", "conductor")
PUBLIC = [
    "AuditEvent",
    "Decision",
    "ExecutionRecord",
    "Explanation",
    "Grant",
    "Limits",
    "LoggingSink",
    "Policy",
    "Preflight",
    "RedactingStream",
    "Redactor",
    "ResolvedInput",
    "Resolver",
    "SecretRef",
    "Subject",
    "Target",
    "TaskGuard",
    "Template",
    "copy_scope",
    "derive",
    "task",
]


def loaded(program, modules):
    """Return which of *modules* a fresh interpreter has after *program*."""
    ask = f"import sys; print([m for m in {list(modules)!r} if m in sys.modules])"
    out = subprocess.run(
        [sys.executable, "-c", f"{program}\n{ask}"], capture_output=True, text=True, timeout=60, check=True
    )
    return out.stdout.strip()


def test_the_public_names_are_listed_sorted_and_there():
    assert secretref.__all__ == sorted(PUBLIC) == PUBLIC
    for name in PUBLIC:
        assert getattr(secretref, name).__doc__


def test_importing_loads_no_parser_matcher_or_sdk():
    assert loaded("import secretref", HEAVY + SDKS) == "[]"


def test_resolving_loads_no_matcher():
    program = """
from secretref import Policy, Resolver, Template
from secretref.providers.memory import MemoryProvider
resolver = Resolver(MemoryProvider({"A": "value-of-a"}), policy=Policy.allow_all())
resolver.resolve(Template.compile("${workflow.secrets.A}"), subject="app:x").reveal()
"""
    assert loaded(program, ("hyperscan", "asyncio", "logging", *SDKS)) in {"[]", "['logging']"}  # lark logs


@pytest.mark.parametrize("name", ["Template", "Resolver", "Redactor", "ResolvedInput", "Policy"])
def test_classes_say_where_they_come_from(name):
    assert getattr(secretref, name).__module__.startswith("secretref.")
