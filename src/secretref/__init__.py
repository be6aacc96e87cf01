"""Secret references in workflow definitions: resolved at execution time, kept out of everything recorded."""

from secretref._template import SecretRef, Template

__all__ = [
    "SecretRef",
    "Template",
]
