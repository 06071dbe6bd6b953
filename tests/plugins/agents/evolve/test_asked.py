from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from autores.agent import Proposal
from autores.events import Steered
from autores.moves import Move
from autores.plugins.agents.evolve import Evolve, Settings, asked
from autores.plugins.agents.evolve.asked import Words
from autores.plugins.agents.evolve.candidates import Situation
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, decode, edited, move_gene
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.knobs import find_knobs
from autores.plugins.agents.evolve.model import Model, Yardstick
from autores.records import Direction

SOURCE = b'lr = 0.1\nsteps = 100\nkind = "a"  # "a" | "b"\n'
MOVES = {n: Move(name=n, surface="s", title=f"Use {n} pools", path="t.py", pieces=()) for n in "xy"}
ROOT = Observation(id=0, genome={}, score=1.0, leading=True)
STEPS = Edit(gene="t.py::steps", old="100", new="80")
LED = Observation(id=41, parent=0, genome=edited({}, [STEPS]), edits=(STEPS,), score=0.9)


def read(text: str, *, made: str = "") -> list[dict[str, str]]:
    """What each candidate changes, and to what."""
    moves = [
        Edit(gene=move_gene(n), old=ON if n == made else OFF, new=OFF if n == made else ON)
        for n in MOVES
    ]
    at = Situation(
        parent=ROOT,
        knobs=find_knobs("t.py", SOURCE),
        moves=tuple(moves),
        seen=[LED, ROOT],
        model=Model([ROOT], Yardstick.of(Direction.MINIMIZE, [1.0]), 0.01),
        random=Random(0),
    )
    found = asked.candidates(at, Words(text=text, once=True), MOVES)
    return [{e.name: e.new for e in c.edits} for c in found]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("lr = 0.2", {"lr": "0.2"}),
        ("please set lr to 0.2.", {"lr": "0.2"}),
        ("lr from 0.1 to 0.2", {"lr": "0.2"}),
        ('kind "b"', {"kind": '"b"'}),
        ("steps: 120", {"steps": "120"}),
        ("try the move x", {"x": ON}),
        ("use X pools; use x pools", {"x": ON}),
        ("what trial 41 did", {"steps": "80"}),
        ("#0041", {"steps": "80"}),
    ],
)
def test_words_that_name_one_thing_become_one_edit(text: str, made: dict[str, str]) -> None:
    assert read(text) == [made]


def test_a_move_that_is_there_is_undone_where_that_is_asked() -> None:
    assert read("without x", made="x") == [{"x": OFF}]
    assert read("try x", made="x") == read("without x") == []


def test_several_things_are_tried_together_and_then_alone() -> None:
    assert read("lr = 0.2 and x") == [{"x": ON, "lr": "0.2"}, {"x": ON}, {"lr": "0.2"}]


def test_a_side_is_taken_where_it_is_said_else_both() -> None:
    raised, lowered, both = (
        [float(found["lr"]) for found in read(text)] for text in ("raise lr", "lower lr", "lr?")
    )
    assert min(raised) > 0.1 > max(lowered) and both == [*raised, *lowered]


@pytest.mark.parametrize(
    "text", ["", "be bold", "colr = 3", "lr2", "steps to the left of it all", "trial 7"]
)
def test_words_that_name_nothing_ask_for_nothing_definite(text: str) -> None:
    assert all(set(found) == {"steps"} for found in read(text))
    assert "steps" in text or read(text) == []


def test_a_value_that_the_knob_cannot_have_is_no_value() -> None:
    assert {"steps": "0.5"} not in read("steps = 0.5")
    assert {"kind": '"z"'} not in read("kind = z")


# ------------------------------------------------------------------------------- the agent


def steer(world: Any, action: str, text: str) -> None:
    world.store.append(lambda head: (Steered(action=action, text=text),))


def turn(world: Any, agent: Evolve, idea: str = "", **choices: Any) -> Any:
    session = world.session(**choices)
    session.brief = replace(session.brief, idea=idea)
    asyncio.run(agent.run(session))
    return session


def changed(proposal: Proposal) -> dict[str, str]:
    notes = decode(proposal.notes)
    assert notes is not None
    return {e.name: e.new for e in notes.edits}


def test_a_queued_idea_comes_first_and_once(world: Any) -> None:
    session = turn(world, Evolve(Settings()), "rate = 0.0625", more=2)
    first, second = session.proposals
    assert changed(first) == {"rate": "0.0625"} and first.hypothesis.startswith("As people asked")
    assert not session.idea_left
    notes = decode(second.notes)
    assert notes is not None and notes.operator != asked.OPERATOR


def test_a_hint_is_tried_once_by_whoever_can(make_world: Callable[..., Any]) -> None:
    world, agent = make_world(), Evolve(Settings())
    steer(world, "hint", "rate = 0.0625")
    (first,) = turn(world, agent).proposals
    (second,) = turn(world, Evolve(Settings())).proposals  # as after a restart
    assert changed(first) == {"rate": "0.0625"}
    assert not second.hypothesis.startswith("As people asked")


def test_the_transcript_says_what_was_left_aside(world: Any) -> None:
    steer(world, "hint", "think about rate")
    session = turn(world, Evolve(Settings()), "use a transformer", specialist=world.regularizer)
    told = [text for kind, text in session.records if kind == "left aside"]
    assert told == [
        "names nothing that reg can do here: use a transformer",
        "names nothing that reg can do here: think about rate",
    ]
    assert len(session.proposals) == 1 and session.idea_left


def test_sessions_without_lineage_hear_no_hints(world: Any) -> None:
    steer(world, "hint", "rate = 0.0625")
    session = turn(world, Evolve(Settings()), lineage=False)
    assert not session.proposals[0].hypothesis.startswith("As people asked")
    assert session.records == []
