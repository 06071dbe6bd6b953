from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.budget import Reserved, admits, budget_of, ended, submitted
from autores.config import RunSettings
from autores.errors import UserError
from autores.events import Head
from autores.records import Budget, Cost

NOW = 1000.0
HEAD = Head(
    seq=9,
    next_trial=11,  # ten, without the baseline
    improved_at=900.0,
    improved_trial=7,
    spent=Cost(seconds=40.0, input_tokens=50, cache_read_tokens=50, dollars=2.0, gpu_seconds=30.0),
)


@pytest.mark.parametrize(
    ("used", "left", "reason"),
    [
        ({"trials": 10}, {"trials": 11}, "10 trials"),
        ({"deadline": NOW}, {"deadline": NOW + 1}, "the deadline"),
        ({"wall": 40.0}, {"wall": 41.0}, "40 seconds of evaluation"),
        ({"tokens": 100}, {"tokens": 101}, "100 tokens"),
        ({"dollars": 2.0}, {"dollars": 2.01}, "2 dollars"),
        ({"gpu_seconds": 30.0}, {"gpu_seconds": 31.0}, "30 GPU seconds"),
        ({"idle_seconds": 100.0}, {"idle_seconds": 101.0}, "100 seconds without improvement"),
        ({"idle_trials": 4}, {"idle_trials": 5}, "4 trials without improvement"),
    ],
)
def test_each_budget_ends_the_run(used: dict[str, Any], left: dict[str, Any], reason: str) -> None:
    assert ended(Budget(**used), HEAD, NOW) == reason
    assert ended(Budget(**left), HEAD, NOW) == ""
    assert not admits(Budget(**used), HEAD, Reserved(), NOW)
    assert admits(Budget(**left), HEAD, Reserved(), NOW)


def test_without_limits_nothing_ends() -> None:
    assert ended(Budget(), HEAD, 1e12) == ""
    assert admits(Budget(), HEAD, Reserved(submissions=10**6, gpu_seconds=1e9), NOW)


def test_what_is_promised_counts_for_admission_alone() -> None:
    trials, gpus = Budget(trials=12), Budget(gpu_seconds=40.0)
    assert admits(trials, HEAD, Reserved(submissions=1), NOW)
    assert not admits(trials, HEAD, Reserved(submissions=2), NOW)
    assert not admits(gpus, HEAD, Reserved(gpu_seconds=10.0), NOW)
    assert ended(trials, HEAD, NOW) == ended(gpus, HEAD, NOW) == ""


def test_idling_begins_with_the_first_event() -> None:
    fresh = Head()
    assert ended(Budget(idle_seconds=1.0), fresh, NOW) == ""


def test_the_baseline_is_not_a_submission() -> None:
    assert submitted(Head()) == submitted(Head(next_trial=1)) == 0
    assert submitted(Head(next_trial=3)) == 2
    assert ended(Budget(trials=0), Head(), NOW) == "0 trials"


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_never_more_sessions_than_trials_are_left(done: int, promised: int, most: int) -> None:
    head = replace(HEAD, next_trial=done + 1)
    budget = Budget(trials=most)
    assert admits(budget, head, Reserved(submissions=promised), NOW) == (done + promised < most)


def test_settings_become_a_budget() -> None:
    settings = RunSettings(
        max_trials=5,
        deadline="2h",
        max_tokens=7,
        max_dollars=1.5,
        max_gpu_hours=2.0,
        idle_hours=0.5,
        idle_trials=3,
    )
    assert budget_of(settings, NOW) == Budget(
        trials=5,
        deadline=NOW + 7200,
        tokens=7,
        dollars=1.5,
        gpu_seconds=7200.0,
        idle_seconds=1800.0,
        idle_trials=3,
    )
    assert budget_of(RunSettings(), NOW) == Budget()


def test_a_deadline_that_is_none() -> None:
    with pytest.raises(UserError, match="'soon' is not a duration"):
        budget_of(RunSettings(deadline="soon"), NOW)
