"""Fixtures for tests of task definitions."""
