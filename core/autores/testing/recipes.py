"""Recipes without a sandbox: a harness that keeps what it is told, and what tests ask of files."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


class RecordedHarness(ModuleType):
    """The candidate's side of the wire, without a wire; it stands in for module `harness`."""

    def __init__(self, seconds: float = 2.0) -> None:
        """Give a recipe so many seconds to train."""
        super().__init__("harness")
        self.data, self.seed, self.seconds = "", 7, seconds
        self.questions: tuple[Any, ...] = ()
        """What `serve` asks, one after the other."""
        self.parts: list[Any] = []
        """What `stream` gives."""
        self.events: list[str] = []
        self.logged: list[dict[str, float]] = []
        self.artifact = b""
        self.answers: list[Any] = []

    def ready(self) -> SimpleNamespace:
        """Say GO at once."""
        self.events.append("ready")
        deadline = time.monotonic() + self.seconds
        return SimpleNamespace(seed=self.seed, data=self.data, deadline=deadline)

    def log(self, step: int, **values: float) -> None:
        """Keep a line."""
        self.logged.append({"step": step, **values})

    def save(self, artifact: bytes) -> None:
        """Keep an artifact."""
        self.events.append("save")
        self.artifact = artifact

    def done(self, artifact: bytes | None = None) -> None:
        """Keep an artifact, if one comes with it."""
        self.events.append("done")
        self.artifact = self.artifact if artifact is None else artifact

    def serve(self, predict: Any) -> None:
        """Ask all questions."""
        self.answers = [predict(question) for question in self.questions]

    def stream(self) -> Iterator[Any]:
        """Give all parts."""
        yield from self.parts


def module_at(path: Path) -> ModuleType:
    """A fresh module from a file, whatever else has its name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed_lines(before: Path, after: Path) -> tuple[int, int]:
    """How many lines go and how many come from one file to the other."""
    old, new = (path.read_text().splitlines() for path in (before, after))
    diff = list(difflib.unified_diff(old, new, n=0, lineterm=""))[2:]
    return sum(line[0] == "-" for line in diff), sum(line[0] == "+" for line in diff)


def top_level_names(path: Path) -> set[str]:
    """The functions, classes and variables that a file binds."""
    names = set[str]()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    return names
