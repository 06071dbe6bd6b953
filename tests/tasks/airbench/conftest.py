from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

RECIPE = Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / "train.py"


class RecordedHarness(ModuleType):
    """The candidate's side of the wire, without a wire."""

    def __init__(self, data: str = "", questions: tuple[Any, ...] = ()) -> None:
        super().__init__("harness")
        self.data = data
        self.questions = questions
        self.events: list[str] = []
        self.artifact = b""
        self.answers: list[Any] = []

    def ready(self) -> SimpleNamespace:
        self.events.append("ready")
        return SimpleNamespace(seed=7, data=self.data)

    def log(self, step: int, **values: float) -> None:
        self.events.append(f"log {step} {sorted(values)}")

    def done(self, artifact: bytes) -> None:
        self.events.append("done")
        self.artifact = artifact

    def serve(self, predict: Any) -> None:
        self.answers = [predict(images) for images in self.questions]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> RecordedHarness:
    harness = RecordedHarness()
    monkeypatch.setitem(sys.modules, "harness", harness)
    return harness


@pytest.fixture
def recipe(recorded: RecordedHarness) -> Any:
    """The seed recipe as a module; its settings may be changed freely."""
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("seed_recipe", RECIPE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    np.random.seed(0)
    return module
