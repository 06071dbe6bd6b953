from __future__ import annotations

import pytest

from autores.events import (
    Body,
    Calibrated,
    Charged,
    Decided,
    Demoted,
    Evaluated,
    Gated,
)
from autores.lineage.store import create
from autores.lineage.view import LineageView
from autores.manager import Group, PluginManager
from autores.plugins.reporters.plain import line_of
from autores.plugins.stores.memory import MemoryStore
from autores.records import Calibration, Cost, Decision, Metric, Outcome, Recipe, Task, Violation
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, life, write

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=CREATED.direction, format=".2f"),
    recipe=Recipe(path="/nowhere"),
)
MEASURE = Decision(verdict=Verdict.MEASURE, policy="p", reason="promising")
KEEP = Decision(verdict=Verdict.KEEP, policy="p")


def said(*bodies: Body) -> list[str]:
    """What is said of each of these events."""
    store = MemoryStore()
    create(store, CREATED)
    lines = []
    for body in bodies:
        (event,) = store.append(lambda head, body=body: [body])  # type: ignore[misc]
        lines.append(line_of(event, LineageView(store, TASK)))
    return lines


def test_a_trial_is_one_line_when_it_ends() -> None:
    beginning = life(0, 1.0, None, session="")
    kept = [*life(1, 0.5, None, hypothesis="Wider"), Decided(trial=1, decision=KEEP)]
    lines = said(*beginning, *kept)
    assert lines[:-1] == [""] * (len(lines) - 1)
    assert lines[-1].startswith("★ 0001 optim")
    assert lines[-1].endswith("Wider")
    assert "\n" not in lines[-1]


def test_the_baseline_is_said_with_its_noise_and_gates() -> None:
    calibration = Calibration(
        task="toy", profile="", score=1.0, spread=0.1, thresholds={"close": "0.2"}
    )
    *_, line = said(*life(0, 1.0, None, session=""), Calibrated(calibration=calibration))
    assert line == "◆ baseline loss 1.00, noise 0.10, close at least 0.2"


def test_a_baseline_that_misses_a_gate() -> None:
    calibration = Calibration(task="toy", profile="", score=1.0, feasible=False)
    *_, line = said(*life(0, 1.0, None, session=""), Calibrated(calibration=calibration))
    assert line.endswith("the seed recipe misses a gate")


def test_what_is_measured_again_and_why() -> None:
    *_, line = said(
        *life(0, 1.0, None, session=""), *life(1, 0.5, None), Decided(trial=1, decision=MEASURE)
    )
    assert line == "  0001 is measured again: promising"


def test_what_gates_or_evaluator_ended_comes_with_the_reason() -> None:
    seed, new = life(0, 1.0, None, session=""), life(1, 0.5, None)
    violation = Violation(rule="scope", message="Not yours.", fix="Restore it.")
    refused = Gated(trial=1, cause=Cause.ILLEGAL, violations=(violation,))
    crash = Outcome(cause=Cause.MEMORY, detail="9 GB \x1b[31m of 8")
    crashed = Evaluated(trial=1, ordinal=0, outcome=crash)
    illegal, broken = said(*seed, new[0], refused)[-1], said(*seed, *new[:3], crashed)[-1]
    assert illegal.startswith("⊘ 0001") and "Not yours." in illegal.split("\n")[1]
    assert broken.startswith("! 0001") and broken.split("\n")[1].strip().startswith("9 GB ")
    assert "\x1b" not in broken


def test_who_no_longer_holds() -> None:
    *_, line = said(
        *life(0, 1.0, None, session=""),
        *life(1, 0.5, Verdict.KEEP),
        Demoted(trial=1, cause=Cause.GATE, reason="misses the gate"),
    )
    assert line.startswith("✗ 0001") and line.endswith("\n       misses the gate")


def test_the_rest_is_silence() -> None:
    charged = Charged(session="s", specialist="arch", cost=Cost(dollars=1.0))
    assert said(*life(0, 1.0, None, session=""), charged)[-1] == ""


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    plugins = PluginManager()
    plugins.load(Group.REPORTER, "plain")
    store = MemoryStore()
    create(store, CREATED)
    write(store, *life(0, 1.0, None, session=""), *life(1, 0.5, Verdict.KEEP))
    for event in store.since(0):
        view = LineageView(store, TASK)
        plugins.hook.autores_event(event=event, view=view, settings=None)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("★ 0001") and err.count("\n") == 1
