from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from autores.moves import Move

RECIPE = Path(__file__).parents[3] / "tasks" / "nanochat" / "recipe"
MODULES = ("kernels", "model", "optim", "schedule", "data", "serve", "train")

TINY = {
    "depth": 2,
    "width": 48,
    "heads": 2,
    "vocabulary": 64,
    "sequence": 32,
    "device_batch": 2,
    "reference_batch": 64,
    "reference_scaling": 60_000,
    "ratio_scale": 0.01,
}


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


@contextmanager
def recipe_at(root: Path) -> Iterator[Any]:
    """The modules of a recipe, and the harness that they speak to."""
    for needed in ("torch", "tokenizers", "pyarrow"):
        pytest.importorskip(needed)
    harness = RecordedHarness()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOMP_SPINCOUNT", "10000")
        patch.syspath_prepend(str(root))
        patch.setitem(sys.modules, "harness", harness)
        for name in MODULES:
            patch.delitem(sys.modules, name, raising=False)
        loaded = {name: importlib.import_module(name) for name in MODULES}
        yield SimpleNamespace(harness=harness, sizes=TINY, **loaded)
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """The seed recipe."""
    with recipe_at(RECIPE) as modules:
        yield modules


@pytest.fixture
def edited_recipe(tmp_path: Path) -> Callable[[Move], AbstractContextManager[Any]]:
    """The seed recipe with a move made."""

    def edited(move: Move) -> AbstractContextManager[Any]:
        root = Path(shutil.copytree(RECIPE, tmp_path / "recipe"))
        text = move.apply((root / move.path).read_text())
        assert text is not None
        (root / move.path).write_text(text)
        return recipe_at(root)

    return edited
