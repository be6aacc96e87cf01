"""Secret references in workflow definitions: resolved at execution time, kept out of everything recorded."""

from secretref._audit import AuditEvent, LoggingSink
from secretref._policy import Decision, Explanation, Grant, Policy, Subject, Target
from secretref._preflight import Preflight
from secretref._record import ExecutionRecord
from secretref._redactor import Redactor
from secretref._resolved import ResolvedInput
from secretref._resolver import Resolver
from secretref._template import Limits, SecretRef, Template

__all__ = [
    "AuditEvent",
    "Decision",
    "ExecutionRecord",
    "Explanation",
    "Grant",
    "Limits",
    "LoggingSink",
    "Policy",
    "Preflight",
    "Redactor",
    "ResolvedInput",
    "Resolver",
    "SecretRef",
    "Subject",
    "Target",
    "Template",
]
