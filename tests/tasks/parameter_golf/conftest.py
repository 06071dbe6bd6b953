from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from autores.testing.recipes import RecordedHarness, module_at

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / "train_gpt.py"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> RecordedHarness:
    harness = RecordedHarness()
    monkeypatch.setitem(sys.modules, "harness", harness)
    return harness


@pytest.fixture
def recipe(recorded: RecordedHarness, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The seed recipe as a module; its settings may be changed freely."""
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    torch = pytest.importorskip("torch")
    module = module_at(RECIPE)
    torch.manual_seed(0)
    return module
