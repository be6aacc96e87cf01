"""Workflow engines: one file per engine, which adapts its hook and holds no logic."""
