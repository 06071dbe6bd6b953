from __future__ import annotations

from collections.abc import Sequence

import pytest

from autores.events import Accepted, Body, Calibrated, Decided, Demoted, Gated
from autores.lineage.store import create
from autores.lineage.view import LineageView
from autores.plugins.reporters.plain import autores_event
from autores.plugins.stores.memory import MemoryStore
from autores.records import (
    Calibration,
    Decision,
    Direction,
    Metric,
    Recipe,
    Task,
    Violation,
)
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, evaluated, life, started, submission

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)
MEASURE = Decision(verdict=Verdict.MEASURE, policy="p", reason="two fresh looks")
REFUSAL = Violation(rule="syntax", message="line 3.", fix="Mend it.", cause=Cause.SYNTAX)
BEGUN: list[Body] = [Gated(trial=1), started(1)]


def said(bodies: Sequence[Body], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is said of a trial 1, event by event as it happens."""
    store = MemoryStore()
    create(store, CREATED)
    accepted = Accepted(trial=1, submission=submission(1, hypothesis="wider\x1b[31m"))
    for body in (*life(0, 1.0), accepted, *bodies):
        (event,) = store.append(lambda head, body=body: [body])  # type: ignore[misc]
        autores_event(event=event, view=LineageView(store, TASK))
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_a_decision_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    decided = Decided(trial=1, decision=Decision(verdict=Verdict.LEAD, policy="p"))
    (line,) = said([*BEGUN, evaluated(1, 0.5), decided], capsys)
    assert line.startswith("▲ 0001 optim")
    assert "0.5000" in line
    assert "+0.5000" in line
    assert r"wider\x1b[31m" in line


def test_what_stopped_a_trial_is_said_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    gated = Gated(trial=1, violations=(REFUSAL,), cause=Cause.SYNTAX)
    first, second = said([gated], capsys)
    assert "preflight_crash" in first
    assert "line 3. Fix: Mend it." in second


def test_a_further_look_and_a_demotion_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    decided = Decided(trial=1, decision=MEASURE)
    demoted = Demoted(trial=1, cause=Cause.GATE, reason="12 too few")
    lines = said([*BEGUN, evaluated(1, 0.5), decided, demoted], capsys)
    assert lines[0] == "  0001 is measured again: two fresh looks"
    assert "disqualified" in lines[1]
    assert "12 too few" in lines[2]


def test_calibration_says_what_the_seed_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    known = Calibration(
        task="toy", profile="", score=1.0, spread=0.1, feasible=False, thresholds={"close": "0.2"}
    )
    (line,) = said([Calibrated(calibration=known)], capsys)
    assert line == (
        "◆ baseline loss 1.0000, noise 0.1000, close at least 0.2, the seed recipe misses a gate"
    )
