from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / "train_gpt.py"
SECONDS = 2.0


class RecordedHarness(ModuleType):
    """The candidate's side of the wire, without a wire."""

    def __init__(self) -> None:
        super().__init__("harness")
        self.data = ""
        self.seed = 7
        self.seconds = SECONDS
        self.events: list[str] = []
        self.logged: list[dict[str, float]] = []
        self.artifact = b""
        self.parts: list[Any] = []

    def ready(self) -> SimpleNamespace:
        self.events.append("ready")
        deadline = time.monotonic() + self.seconds
        return SimpleNamespace(seed=self.seed, data=self.data, deadline=deadline)

    def log(self, step: int, **values: float) -> None:
        self.logged.append({"step": step, **values})

    def save(self, artifact: bytes) -> None:
        self.events.append("save")
        self.artifact = artifact

    def done(self) -> None:
        self.events.append("done")

    def stream(self) -> Iterator[Any]:
        yield from self.parts


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
    spec = importlib.util.spec_from_file_location("seed_recipe", RECIPE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    return module
