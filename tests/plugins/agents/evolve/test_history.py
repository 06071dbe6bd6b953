from __future__ import annotations

import pytest

from autores.plugins.agents.evolve.genome import Notes
from autores.plugins.agents.evolve.history import Fate, notes_of, observe
from autores.records import (
    Artifact,
    Calibration,
    Cost,
    Direction,
    Gate,
    Metric,
    Phase,
    Recipe,
    Submission,
    Task,
    Trial,
)
from autores.status import Cause, Status

TASK = Task(
    name="t",
    title="T",
    metric=Metric(name="seconds", direction=Direction.MINIMIZE),
    recipe=Recipe(path="."),
    gates=(Gate(name="accuracy", hits="right", total="asked"),),
)
CALIBRATION = Calibration(task="t", profile="", thresholds={"accuracy": "0.9"})
NOTES = Notes(operator="turn", edits=(), genome={})


def trial(**fields: object) -> Trial:
    submission = Submission(
        commit="c", parents=(0,), hypothesis="h", specialist="s", session="x", call="0"
    )
    known: dict[str, object] = {"id": 3, "submission": submission, "phase": Phase.FINISHED}
    return Trial(**(known | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cause", "score", "phase", "fate"),
    [(Cause.VALID, 1.0, Phase.FINISHED, Fate.MEASURED),
     (Cause.VALID, 1.0, Phase.MEASURED, Fate.MEASURED),
     (None, None, Phase.QUEUED, Fate.PENDING), (None, None, Phase.RUNNING, Fate.PENDING),
     (Cause.GATE, None, Phase.FINISHED, Fate.MISSED),
     (Cause.ARTIFACT_BYTES, None, Phase.FINISHED, Fate.MISSED),
     (Cause.EXITED, None, Phase.FINISHED, Fate.BROKEN),
     (Cause.ILLEGAL, None, Phase.FINISHED, Fate.REFUSED)],
)  # fmt: skip
def test_fates(cause: Cause | None, score: float | None, phase: Phase, fate: Fate) -> None:
    seen = observe(trial(cause=cause, score=score, phase=phase), NOTES, TASK, CALIBRATION)
    assert seen.fate is fate


def test_what_is_a_little_too_large_teaches_by_what_is_told_of_it() -> None:
    row = trial(cause=Cause.ARTIFACT_BYTES, metrics={"unranked_seconds": 2.5})
    seen = observe(row, NOTES, TASK, CALIBRATION)
    assert (seen.score, seen.fate, seen.over) == (2.5, Fate.MISSED, "bytes")


def test_a_near_miss_keeps_its_score_its_gate_and_its_shortfall() -> None:
    row = trial(
        cause=Cause.GATE, metrics={"seconds": 2.5}, counts={"right": 85, "asked": 100}, looks=1
    )
    seen = observe(row, NOTES, TASK, CALIBRATION)
    assert seen.score == 2.5 and seen.worst_gate == "accuracy"
    assert seen.margins["accuracy"].value == pytest.approx(-0.05)
    assert seen.margins["accuracy"].sd == pytest.approx(0.0357, rel=0.01)


def test_without_a_threshold_there_is_no_margin() -> None:
    row = trial(cause=Cause.VALID, score=1.0, counts={"right": 85, "asked": 100})
    assert observe(row, NOTES, TASK, None).margins == {}


def test_resources_and_the_limit_that_was_broken() -> None:
    row = trial(
        cause=Cause.ARTIFACT_BYTES,
        artifact=Artifact(sha256="", code_bytes=1, weight_bytes=9),
        cost=Cost(seconds=6.0),
        looks=2,
    )
    seen = observe(row, NOTES, TASK, CALIBRATION)
    assert seen.over == "bytes" and seen.resources == {"bytes": 10.0, "seconds": 3.0}


def test_the_seed_recipe_has_an_empty_genome() -> None:
    row = trial(
        status=Status.BASELINE,
        submission=Submission(
            commit="c", parents=(), hypothesis="", specialist="", session="", call=""
        ),
    )
    assert notes_of(row) == Notes(operator="", edits=(), genome={})
    assert notes_of(trial()) is None
