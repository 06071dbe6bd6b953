from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autores.testing.recipes import RecordedHarness, module_at

RECIPE = Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / "train.py"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> RecordedHarness:
    harness = RecordedHarness()
    monkeypatch.setitem(sys.modules, "harness", harness)
    return harness


@pytest.fixture
def recipe(recorded: RecordedHarness) -> Any:
    """The seed recipe as a module; its settings may be changed freely."""
    torch = pytest.importorskip("torch")
    module = module_at(RECIPE)
    torch.manual_seed(0)
    np.random.seed(0)
    return module
