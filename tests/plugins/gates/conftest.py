"""`judge(before, after)` asks the built-in gates, as a run would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from autores.config import SettingsBook, Value
from autores.evaluator.trees import FileTree
from autores.plugins import gates
from autores.records import (
    Direction,
    Metric,
    Radius,
    Recipe,
    Specialist,
    Submission,
    Task,
    Violation,
)

Files = Mapping[str, str | bytes]
TASK = Task(
    name="one",
    title="One",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(
        path="/nowhere",
        editable=("**/*.py", "*.toml"),
        protected=("fixed.py",),
        surfaces={"optimizer": ("train.py::lr", "train.py::step"), "model": ("train.py::Net",)},
    ),
)
META = Specialist(key="meta", title="All", surfaces=("*",))
OPTIM = Specialist(key="optim", title="Optimizer", surfaces=("optimizer",), radius=Radius.LOCAL)


class Child(FileTree):
    """A tree that was made from another."""

    def __init__(
        self, files: Files, parent: FileTree | None, merged: tuple[FileTree, ...] = ()
    ) -> None:
        super().__init__({p: t.encode() if isinstance(t, str) else t for p, t in files.items()})
        self.parent, self.merged = parent, merged


Judge = Callable[..., tuple[Violation, ...]]


@pytest.fixture
def judge() -> Judge:
    def judge(
        before: Files | None,
        after: Files,
        *,
        who: Specialist = META,
        may_add_files: bool = False,
        merged: Files | None = None,
        **settings: Any,
    ) -> tuple[Violation, ...]:
        recipe = replace(TASK.recipe, may_add_files=may_add_files)
        values = {f"gates.{k}": Value(value=v, source="test") for k, v in settings.items()}
        parent = None if before is None else Child(before, None)
        others = () if merged is None else (Child(merged, parent),)
        submission = Submission(
            commit="c", parents=(0,), hypothesis="", specialist=who.key, session="s", call="1"
        )
        return tuple(
            gates.autores_legality(
                replace(TASK, recipe=recipe),
                submission,
                Child(after, parent, others),
                who,
                SettingsBook(values, {gates.Settings: "gates"}),
            )
        )

    return judge
