"""Secret references in workflow definitions: resolved at execution time, kept out of everything recorded."""

from secretref._policy import Decision, Explanation, Grant, Policy, Subject, Target
from secretref._template import Limits, SecretRef, Template

__all__ = [
    "Decision",
    "Explanation",
    "Grant",
    "Limits",
    "Policy",
    "SecretRef",
    "Subject",
    "Target",
    "Template",
]
