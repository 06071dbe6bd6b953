from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks import airbench
from benchmarks.report import Row

from autores.records import Outcome
from autores.status import Cause
from autores.tasks.airbench import plugin


def looks(rates: dict[bytes, float], seconds: float = 5.0) -> Any:
    """A lab in which every recipe has one rate and takes a little longer each time."""
    calls = iter(range(10_000))

    def look(source: bytes) -> tuple[Outcome, float]:
        right = int(9_000 * rates[source])
        outcome = Outcome(
            cause=Cause.VALID,
            score=seconds + 0.01 * next(calls),
            counts={"right": right, "asked": 9_000},
            metrics={"accuracy": right / 9_000},
        )
        return outcome, 2 * seconds

    return SimpleNamespace(profile="cpu", task=plugin.autores_task("cpu"), look=look)


def named(rows: list[Row]) -> dict[str, Row]:
    return {row.name.partition(": ")[2]: row for row in rows}


def test_fewer_epochs_change_one_number() -> None:
    seed, fewer = airbench.seed_recipe().decode(), airbench.seed_recipe(0.8).decode()
    assert ast.dump(ast.parse(seed)) != ast.dump(ast.parse(fewer))
    assert fewer.replace("epochs_scale = 0.8 ", "epochs_scale = 1.0 ") == seed


def test_the_gate_stops_what_lies_below_it() -> None:
    rates = {airbench.seed_recipe(s): r for s, r in ((1.0, 0.9), (0.9, 0.898), (0.8, 0.88))}
    rows = named(airbench.gate(looks(rates)))
    stopped = {name.rpartition(", ")[2]: row.value for name, row in rows.items()}
    assert stopped == {
        "the seed recipe": 0,
        "10 % fewer epochs": 0,
        "20 % fewer epochs": 1,
    }


def test_slow_drift_falls_out_of_abba_ratios() -> None:
    (row,) = airbench.noise(looks({airbench.seed_recipe(): 0.9}))
    assert row.value == pytest.approx(0.0, abs=1e-9)
    assert row.baseline is not None and row.baseline > 0.5


def test_whole_trials_are_held_to_their_limit() -> None:
    rows = named(airbench.whole_trials(looks({airbench.seed_recipe(): 0.9})))
    assert (rows["a trial"].value, rows["a trial"].limit) == (10.0, 40.0)
