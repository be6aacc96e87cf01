"""``secretref preflight`` and ``secretref explain``: may it read, and will it find, before anything runs."""

from __future__ import annotations

import typer

commands = typer.Typer()
