from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

RECIPE = Path(__file__).parents[3] / "tasks" / "nanochat" / "recipe"
MODULES = ("kernels", "model", "optim", "schedule", "data", "serve", "train")


class RecordedHarness(ModuleType):
    """The candidate's side of the wire, without a wire."""

    def __init__(self) -> None:
        super().__init__("harness")
        self.events: list[str] = []
        self.losses: list[float] = []
        self.data = ""
        self.artifact = b""
        self.questions: tuple[Any, ...] = ()
        self.answers: list[Any] = []

    def ready(self) -> SimpleNamespace:
        self.events.append("ready")
        return SimpleNamespace(seed=7, data=self.data)

    def log(self, step: int, **values: float) -> None:
        self.events.append(f"log {step}")
        self.losses.append(values["loss"])

    def done(self, artifact: bytes) -> None:
        self.events.append("done")
        self.artifact = artifact

    def serve(self, predict: Any) -> None:
        self.answers = [predict(*question) for question in self.questions]


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """The modules of the seed recipe, and the harness that they speak to."""
    for needed in ("torch", "tokenizers", "pyarrow"):
        pytest.importorskip(needed)
    harness = RecordedHarness()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOMP_SPINCOUNT", "10000")
        patch.syspath_prepend(str(RECIPE))
        patch.setitem(sys.modules, "harness", harness)
        for name in MODULES:
            patch.delitem(sys.modules, name, raising=False)
        loaded = {name: importlib.import_module(name) for name in MODULES}
        yield SimpleNamespace(harness=harness, **loaded)
        for name in MODULES:
            sys.modules.pop(name, None)
