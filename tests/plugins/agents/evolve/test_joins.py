from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autores.plugins.agents.evolve import Evolve, Settings
from autores.plugins.agents.evolve.genome import decode, is_text
from autores.plugins.agents.evolve.joins import Joiner
from autores.plugins.agents.evolve.memory import Memory
from autores.records import Submission, Trial

FIRST = (b'"""Fit a curve', b'"""Another way of fitting a curve')
OTHER = (b"steps = 60", b"steps = 60\nlater = 'on'")
CLASH = (b'"""Fit a curve', b'"""Yet another way of fitting a curve')
RATE = {n: (b"rate = 0.05", f"rate = {n}".encode()) for n in (0.06, 0.07, 0.08)}


def enter(world: Any, parent: int, *pieces: tuple[bytes, bytes]) -> int:
    """A trial of an agent that edits text."""
    base = world.store.get(parent).submission.commit
    source = world.code.tree(base).read("fit.py")
    for old, new in pieces:
        assert source.count(old) == 1
        source = source.replace(old, new)
    commit = world.code.commit({"fit.py": source}, [base], "x")
    return int(
        world.enter(
            Submission(
                commit=commit, tree=world.code.tree(commit).id, parents=(parent,),
                hypothesis="x", specialist="all", session="x", call=commit,
            )
        )
    )  # fmt: skip


def joins(world: Any) -> Any:
    session = world.session()
    return Joiner().joins(session, Memory((), window=50).observations(session))


def last(world: Any) -> Trial:
    found = world.store.get(world.store.head().next_trial - 1)
    assert isinstance(found, Trial)
    return found


def test_two_trials_that_led_are_merged_text_by_text(world: Any) -> None:
    older = enter(world, 0, FIRST, RATE[0.06])
    enter(world, 0, OTHER, (b"degree = 4", b"degree = 5"))
    (join,) = joins(world)
    source = join.files["fit.py"]
    assert join.trial == older and source.count(FIRST[1]) == source.count(OTHER[1]) == 1
    assert b"rate = 0.06" in source and b"degree = 5" in source
    assert {e.gene for e in join.edits if not is_text(e.gene)} == {"fit.py::rate"}


@pytest.mark.parametrize("mine", [CLASH, (b"rate = 0.05", b"rate = 0.08")])
def test_a_conflict_is_no_merge(world: Any, mine: tuple[bytes, bytes]) -> None:
    enter(world, 0, FIRST, RATE[0.06])
    enter(world, 0, mine, (b"degree = 4", b"degree = 5"))
    assert joins(world) == ()


def test_what_knobs_say_needs_no_merge_of_texts(world: Any) -> None:
    enter(world, 0, RATE[0.06])
    enter(world, 0, OTHER, (b"degree = 4", b"degree = 5"))
    assert joins(world) == ()


def test_what_the_parent_was_made_from_is_not_merged_again(world: Any) -> None:
    first = enter(world, 0, FIRST, RATE[0.06])
    enter(world, first, OTHER, (b"degree = 4", b"degree = 5"))
    assert joins(world) == ()


def test_a_merge_is_proposed_with_two_parents_and_not_again(world: Any) -> None:
    older = enter(world, 0, FIRST, RATE[0.06])
    newer = enter(world, 0, OTHER, (b"degree = 4", b"degree = 5"))
    agent = Evolve(Settings(knobs=False, moves=False, repair=False))
    asyncio.run(agent.run(world.session()))
    trial = last(world)
    assert trial.submission.parents == (newer, older)
    assert trial.submission.hypothesis.startswith(f"Merge {older:04d} into this tree")
    notes = decode(trial.submission.notes)
    assert notes is not None and notes.operator == "join"
    assert sum(map(is_text, notes.genome)) == 2
    if world.store.head().lead == trial.id:
        assert joins(world) == ()


def test_a_specialist_merges_nothing_outside_its_surfaces(world: Any) -> None:
    enter(world, 0, FIRST, RATE[0.06])
    enter(world, 0, OTHER, (b"degree = 4", b"degree = 5"))
    session = world.session(specialist=world.regularizer)
    agent = Evolve(Settings(knobs=False, moves=False, repair=False))
    asyncio.run(agent.run(session))
    assert "join" not in [decode(proposal.notes).operator for proposal in session.proposals]
    assert session.workspace.commit == world.store.get(2).submission.commit


def test_without_merges_there_are_none(world: Any) -> None:
    enter(world, 0, FIRST, RATE[0.06])
    enter(world, 0, OTHER, (b"degree = 4", b"degree = 5"))
    session = world.session()
    agent = Evolve(Settings(merge=False))
    assert asyncio.run(agent._plan(session)) is not None
    assert agent._question(session).joins == ()
