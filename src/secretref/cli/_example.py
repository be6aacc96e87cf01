"""The USPS example: its folder, and its scripts as modules."""

from __future__ import annotations

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["FOLDER", "example"]

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "_examples" / "usps_rate"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "examples" / "usps_rate"
"""Inside the package where a wheel was installed, beside the sources in a checkout."""


@cache
def example(name: str) -> ModuleType:
    """Import a script of the example, which is no package."""
    spec = spec_from_file_location(f"secretref_usps_rate_{name}", FOLDER / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
