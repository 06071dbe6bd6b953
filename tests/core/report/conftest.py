from __future__ import annotations

import pytest

from autores.events import (
    Accepted,
    Body,
    Calibrated,
    Decided,
    Evaluated,
    Gated,
    Quarantined,
    Steered,
    Verified,
)
from autores.lineage.store import LineageStore, create
from autores.manifest import Manifest
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import read
from autores.records import (
    Calibration,
    Decision,
    Direction,
    EditSize,
    Interval,
    Measurement,
    Metric,
    Outcome,
    Radius,
    Recipe,
    Task,
)
from autores.report import Sources
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, life, started, submission

TASK = Task(
    name="toy",
    title="Fit a <curve>",
    metric=Metric(name="loss", direction=Direction.MINIMIZE, unit="bits"),
    recipe=Recipe(path="/nowhere"),
)
HOSTILE = "</pre><script>alert(1)</script> \x1b[31mred\x1b]0;t\x07 \u202egnol " + "A" * 1_000_000
DIFF = (
    "--- a/fit.py\n+++ b/fit.py\n@@ -1 +1 @@\n-rate = 1\n+rate = 2  # </span><script>x</script>\n"
)


def failing(trial: int) -> list[Body]:
    measured = Measurement(phase="train", seed=1, wall=1.0, log=HOSTILE)
    outcome = Outcome(cause=Cause.EXITED, measurements=(measured,), detail=HOSTILE)
    return [
        Accepted(trial=trial, submission=submission(trial, [1], hypothesis=HOSTILE, notes=HOSTILE)),
        Gated(trial=trial),
        started(trial),
        Evaluated(trial=trial, ordinal=0, outcome=outcome),
    ]


def kept(trial: int) -> Decided:
    decision = Decision(
        verdict=Verdict.KEEP,
        policy="milestone",
        against=0,
        estimate=0.21,
        interval=Interval(low=0.1, high=0.3),
        error_spent=0.01,
    )
    return Decided(trial=trial, decision=decision)


@pytest.fixture
def store() -> LineageStore:
    edit = EditSize(radius=Radius.LITERAL, surfaces=("optimizer",), added=1, removed=1)
    made = MemoryStore()
    create(made, CREATED)
    bodies: list[Body] = [
        *life(0, 1.0, specialist="seed"),
        Calibrated(calibration=Calibration(task="toy", profile="", score=1.0, spread=0.02)),
        *life(1, 0.8, None, expected_delta=-0.1, edit=edit),
        kept(1),
        *failing(2),
        *life(3, 0.7, Verdict.LEAD, parents=[1], specialist="arch", cites=(2,), expected_delta=0.1),
        *life(4, 9.0, parents=[3]),
        *life(5, 0.6, parents=[0]),
        Quarantined(trial=5, reason="a leak"),
        Steered(action="hint", text="look at <the> schedule"),
        Verified(trial=1, against=0, verdict={"p": 0.003}),
    ]
    made.append(lambda head: bodies)
    return made


@pytest.fixture
def sources(store: LineageStore) -> Sources:
    tables = {name: {} for name in Manifest.__dataclass_fields__}
    settings = {"task": "toy", "max_trials": 5, "agent": "evolve", "specialists": ["arch", "optim"]}
    return Sources(
        name="run-1",
        story=read(store, TASK),
        manifest=Manifest(**tables | {"settings": settings, "machine": {"system": "Linux"}}),
        looks=store.looks,
        diff=lambda old, new: DIFF,
    )
