"""What all tests share: the level of sandbox that some need."""

from __future__ import annotations

import os

import pytest

from autores.evaluator.sandbox import Level, SandboxUnavailable, choose

REQUIRED = "AUTORES_REQUIRE_FULL"
"""Set where the full sandbox must be exercised: tests that need it fail instead of skipping."""

pytest.register_assert_rewrite("autores.testing.executors", "autores.testing.stores")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("full")]
    reason = _missing() if marked else ""
    if reason and os.environ.get(REQUIRED):
        raise pytest.UsageError(f"{REQUIRED} is set, and the full sandbox does not work: {reason}")
    for item in marked if reason else ():
        item.add_marker(pytest.mark.skip(reason=f"needs the full sandbox: {reason}"))


def _missing() -> str:
    """Why the full sandbox does not work here; empty if it does."""
    try:
        with choose(Level.FULL):
            return ""
    except SandboxUnavailable as error:
        return str(error)
