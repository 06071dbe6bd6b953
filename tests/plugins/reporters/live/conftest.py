from __future__ import annotations

from pathlib import Path

import pytest

from autores.events import Body, Calibrated
from autores.executor import Capacity
from autores.lineage.store import LineageStore, create
from autores.lineage.view import LineageView
from autores.plugins.stores.memory import MemoryStore
from autores.records import Budget, Calibration, Direction, Lease, Metric, Recipe, Task
from autores.scene import Scene
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, life

TASK = Task(
    name="toy",
    title="Fit a curve",
    metric=Metric(name="loss", direction=Direction.MINIMIZE, unit="bits"),
    recipe=Recipe(path="/nowhere"),
)
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold] \u202eevil" + "x" * 5000


@pytest.fixture
def store() -> LineageStore:
    made = MemoryStore()
    create(made, CREATED)
    bodies: list[Body] = [
        *life(0, 1.0, specialist="seed"),
        Calibrated(calibration=Calibration(task="toy", profile="", score=1.0)),
        *life(1, 0.9, Verdict.KEEP),
        *life(2, 0.8, Verdict.LEAD, parents=[1], specialist="arch", hypothesis=HOSTILE),
        *life(3, Cause.EXITED, parents=[2]),
    ]
    made.append(lambda head: bodies)
    return made


@pytest.fixture
def scene(store: LineageStore, tmp_path: Path) -> Scene:
    return Scene(
        folder=tmp_path,
        task=TASK,
        budget=Budget(trials=10, deadline=7200.0, tokens=1000),
        capacity=Capacity(jobs=1, cpus=2, sandbox="full"),
        lease=Lease.HOST,
        milestone=20,
        began=0.0,
        view=lambda: LineageView(store, TASK, specialists=("optim", "arch", "reg")),
        stopping=lambda: "",
    )
