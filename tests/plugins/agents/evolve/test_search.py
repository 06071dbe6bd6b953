from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.plugins.agents.evolve.genome import digest
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.laboratory import PATH, Landscape
from autores.plugins.agents.evolve.search import Plan, Question, propose
from autores.plugins.agents.evolve.settings import Settings
from autores.plugins.agents.evolve.territory import Territory
from autores.plugins.agents.evolve.words import hypothesis

LAND = Landscape(1, gated=False)


def ask(
    seed: int,
    *,
    specialist: int = 0,
    known: Callable[[str], bool] = lambda tree: False,
    seen: tuple[Observation, ...] = (Observation(id=0, genome={}, score=10.0, leading=True),),
    chosen: Settings | None = None,
    unit: str = "",
    headroom: float | None = math.inf,
) -> Plan | None:
    territory = Territory(LAND.task, LAND.specialists()[specialist], LAND.seed_files)
    question = Question(
        parent=seen[-1], territory=territory, moves=LAND.moves, seen=seen, known=known,
        metric=replace(LAND.task.metric, unit=unit), spread=0.1, seed=seed, headroom=headroom,
    )  # fmt: skip
    return propose(question, chosen or Settings())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 3))
def test_a_plan_is_a_legal_new_tree_that_does_what_it_says(seed: int, specialist: int) -> None:
    plan = ask(seed, specialist=specialist)
    assert plan is not None
    ast.parse(plan.files[PATH])
    assert plan.tree == digest(plan.files) != digest(LAND.seed_files)
    assert dict(LAND.genome(plan.files)) == dict(plan.genome)
    assert len(plan.candidate.edits) <= Settings().most_edits
    territory = Territory(LAND.task, LAND.specialists()[specialist], LAND.seed_files)
    assert territory.allows(plan.files)
    assert "\n" not in hypothesis(plan, LAND.moves)


def test_time_that_is_left_is_spent() -> None:
    def longer(**conditions: Any) -> int:
        plans = [ask(seed, specialist=1, **conditions) for seed in range(8)]
        now = [plan.genome.get(f"{PATH}::epochs") for plan in plans if plan]
        return sum(float(epochs.now) > float(epochs.origin) for epochs in now if epochs)

    assert longer() == 8
    assert longer(headroom=0.0) < 4 and longer(headroom=None) < 4
    assert longer(unit="s") < 4  # where time is the score, more of it is no gain


def test_the_same_question_has_the_same_answer() -> None:
    first, second = ask(5), ask(5)
    assert first is not None and second is not None and first.tree == second.tree
    assert len({plan.tree for seed in range(6) if (plan := ask(seed))}) > 3


def test_a_tree_that_is_known_is_never_planned() -> None:
    known: set[str] = set()
    for seed in range(40):
        plan = ask(seed % 3, known=known.__contains__)
        assert plan is not None and plan.tree not in known
        known.add(plan.tree)


def test_moves_alone_run_out_and_knobs_do_not() -> None:
    known: set[str] = set()
    moves_only = Settings(knobs=False)
    while plan := ask(0, known=known.__contains__, chosen=moves_only):
        known.add(plan.tree)
    assert len(known) == 7  # three moves, alone and together
    assert ask(0, known=known.__contains__) is not None


@pytest.mark.parametrize("chosen", [Settings(knobs=False), Settings(moves=False)])
def test_settings_switch_kinds_of_edits_off(chosen: Settings) -> None:
    plan = ask(3, chosen=chosen)
    assert plan is not None
    assert all(bool(edit.move) is not chosen.knobs for edit in plan.candidate.edits)


def test_without_any_score_there_is_a_plan_but_no_expected_change() -> None:
    plan = ask(3, seen=(Observation(id=0, genome={}),))
    assert plan is not None and plan.delta is None
