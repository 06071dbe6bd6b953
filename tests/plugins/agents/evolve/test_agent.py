from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from autores.agent import Exhausted, Proposal
from autores.config import SettingsBook
from autores.errors import UserError
from autores.lineage.store import Query
from autores.moves import Move
from autores.plugins.agents.evolve import Evolve, Settings, agent, autores_agent
from autores.plugins.agents.evolve.genome import decode
from autores.plugins.agents.evolve.memory import FOREIGN
from autores.plugins.agents.evolve.search import Plan, Question, propose
from autores.records import Limits, Outcome, Submission, Violation
from autores.status import Cause
from autores.workspace.surfaces import outside

MOVE = Move(
    name="other",
    surface="regularization",
    title="Use the other pull",
    path="fit.py",
    pieces=(("# pull of the coefficients towards zero", "# another pull"),),
)


def play(world: Any, agent: Evolve, turns: int, **choices: Any) -> list[Proposal]:
    proposals: list[Proposal] = []
    for _ in range(turns):
        session = world.session(**choices)
        asyncio.run(agent.run(session))
        proposals += session.proposals
    return proposals


def enter(world: Any, text: str, notes: str = "", session: str = "x", parent: int = 0) -> int:
    """A trial of another agent."""
    base = world.store.get(parent).submission.commit
    source = world.code.tree(base).read("fit.py").replace(b"rate = 0.05", text.encode())
    commit = world.code.commit({"fit.py": source}, [base], "x")
    submission = Submission(
        commit=commit,
        tree=world.code.tree(commit).id,
        parents=(parent,),
        hypothesis="x",
        specialist="all",
        session=session,
        call=text,
        notes=notes,
    )
    return int(world.enter(submission))


def test_what_the_gates_would_refuse_is_not_submitted(world: Any) -> None:
    """As knobs that a profile does not use."""
    seed = world.code.tree(world.store.get(0).submission.commit).read("fit.py")
    (rate,) = (line for line in seed.splitlines() if line.startswith(b"rate"))
    idle = Violation(rule="no-effect", message="idle.", fix="Edit something else.")
    world.refuse = lambda files: () if rate in files["fit.py"].splitlines() else (idle,)
    for _ in range(8):
        session = world.session()
        asyncio.run(Evolve(Settings()).run(session))
        assert len(session.proposals) == 1 and session.workspace.changed() == ()
    trees = [world.code.tree(t.submission.commit) for t in world.store.query(Query())]
    assert len(trees) == 9 and all(rate in tree.read("fit.py").splitlines() for tree in trees)


def test_a_knob_that_was_idle_beside_others_is_not_tried_alone(world: Any) -> None:
    """No gate refuses what is idle beside an edit that is not."""

    def head() -> bytes:
        lead = world.store.head().lead or 0
        return bytes(world.code.tree(world.store.get(lead).submission.commit).read("fit.py"))

    def edited(files: Mapping[str, bytes]) -> set[bytes]:
        return {
            line.split()[0]
            for line, old in zip(files["fit.py"].splitlines(), head().splitlines(), strict=True)
            if line != old
        }

    idle = Violation(rule="no-effect", message="idle.", fix="Edit something else.")
    world.refuse = lambda files: (idle,) if edited(files) == {b"ridge"} else ()
    asked = 0
    for _ in range(25):
        before = head()
        session = world.session()
        asyncio.run(Evolve(Settings()).run(session))
        asked += len(session.checked)
        latest = world.store.get(world.store.head().next_trial - 1).submission.commit
        after = world.code.tree(latest).read("fit.py")
        changed = {
            new.split()[0]
            for new, old in zip(after.splitlines(), before.splitlines(), strict=True)
            if new != old
        }
        assert changed != {b"ridge"}
    assert asked > 25


def test_it_knows_what_is_left_of_the_time_for_training(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []

    def listening(question: Question, settings: Settings) -> Plan | None:
        asked.append(question)
        return propose(question, settings)

    monkeypatch.setattr(agent, "propose", listening)
    for seconds in (8.0, 1.0):
        limits = Limits(wall={"train": seconds}, artifact_bytes=1)
        play(world, Evolve(Settings()), 1, limits=limits)
    play(world, Evolve(Settings()), 1)
    assert [question.headroom for question in asked] == [2.0, None, math.inf]


def test_it_improves_a_recipe_and_never_repeats_a_tree(world: Any) -> None:
    play(world, Evolve(Settings()), 30)
    trials = world.store.query(Query())
    assert len({t.submission.tree for t in trials}) == len(trials) == 31
    best = world.store.get(world.store.head().lead)
    assert trials[0].score > 1.3 and best.score < 1.05


def test_proposals_follow_from_the_lineage_and_the_seed(make_world: Callable[..., Any]) -> None:
    first, second, other = (make_world() for _ in range(3))
    texts = [p.notes for p in play(first, Evolve(Settings()), 6)]
    again = [p.notes for p in play(second, Evolve(Settings()), 3)]
    again += [p.notes for p in play(second, Evolve(Settings()), 3)]  # as after a resume
    other.sessions = 50
    assert texts == again
    assert texts != [p.notes for p in play(other, Evolve(Settings()), 6)]


@pytest.mark.parametrize("sampler", ["local", pytest.param("optuna", marks=pytest.mark.slow)])
def test_after_a_kill_it_goes_on_from_the_store_alone(
    make_world: Callable[..., Any], sampler: str
) -> None:
    """More trials of others than one session reads, so that a long memory could tell more."""
    if sampler == "optuna":
        pytest.importorskip("optuna")
    settings = Settings(sampler=sampler)
    whole, killed = make_world(moves=(MOVE,)), make_world(moves=(MOVE,))
    for world in (whole, killed):
        for number in range(FOREIGN // 2 + 5):
            enter(world, f"rate = 0.{number + 100}")
            enter(world, f"rate = 0.{number + 100}  # changed")
    agent = Evolve(settings)
    without_end = [(p.notes, p.expected_delta) for p in play(whole, agent, 6)]
    always_new = [
        (p.notes, p.expected_delta) for _ in range(6) for p in play(killed, Evolve(settings), 1)
    ]
    assert without_end == always_new


def test_hypotheses_name_what_is_changed_and_how_the_score_should(world: Any) -> None:
    proposals = play(world, Evolve(Settings()), 20)
    for proposal in proposals:
        notes = decode(proposal.notes)
        assert notes is not None and notes.edits
        assert all(edit.name in proposal.hypothesis for edit in notes.edits)
        assert proposal.expected_delta is not None
    assert any(p.expected_delta < 0 for p in proposals if p.expected_delta is not None)


def test_a_session_may_submit_several_times(world: Any) -> None:
    assert len(play(world, Evolve(Settings()), 1, more=3)) == 3


def test_a_stopping_session_submits_nothing(world: Any) -> None:
    session = world.session()
    session.stopping = True
    asyncio.run(Evolve(Settings()).run(session))
    assert session.proposals == []


def test_a_specialist_stays_within_its_surfaces(make_world: Callable[..., Any]) -> None:
    world = make_world(moves=(MOVE,))
    genes = {
        edit.gene
        for proposal in play(world, Evolve(Settings()), 8, specialist=world.regularizer)
        if (notes := decode(proposal.notes))
        for edit in notes.edits
    }
    assert genes == {"fit.py::ridge", "move:other"}


def test_specialists_take_over_what_others_tried_and_stay_within_scope(world: Any) -> None:
    agent, merging = Evolve(Settings()), 0
    for _ in range(12):
        for who in (world.regularizer, world.optimizer):
            session = world.session(specialist=who)
            asyncio.run(agent.run(session))
            (proposal,) = session.proposals
            trial = world.store.get(world.store.head().next_trial - 1)
            tree = world.code.tree(trial.submission.commit)
            assert outside(world.task, who, tree.parent, tree, merged=tree.merged) == ()
            foreign = outside(world.task, who, tree.parent, tree)
            assert not foreign or proposal.merges
            merging += bool(foreign)
            notes = decode(proposal.notes)
            own = "rate" if who is world.optimizer else "ridge"
            assert notes is not None and f"fit.py::{own}" in {edit.gene for edit in notes.edits}
    assert merging


def test_moves_have_their_title_as_hypothesis(make_world: Callable[..., Any]) -> None:
    world = make_world(moves=(MOVE,))
    (proposal,) = play(world, Evolve(Settings(knobs=False)), 1)
    assert proposal.hypothesis.startswith("Use the other pull")
    assert proposal.files is not None and b"another pull" in proposal.files["fit.py"]


def test_a_move_is_submitted_at_other_rates_too(make_world: Callable[..., Any]) -> None:
    world = make_world(moves=(MOVE,))
    enter(world, "rate = 0.00001")  # so that rates are known to matter
    agent = Evolve(Settings(variants=3, most_edits=1, merge=False, repair=False))
    session = world.session()
    plan = asyncio.run(agent._plan(session))
    while plan is not None and not plan.variants:
        asyncio.run(agent.run(session))
        session = world.session()
        plan = asyncio.run(agent._plan(session))
    assert plan is not None
    proposal = agent._proposal(plan)
    rates = [files["fit.py"] for p in proposal.variants if (files := p.files)]
    assert len({*rates, plan.files["fit.py"]}) == 3
    assert all(b"another pull" in source for source in rates)
    assert all("Use the other pull; " in p.hypothesis for p in proposal.variants)


@pytest.mark.parametrize("variants", [0, 5])
def test_a_submission_has_at_most_four_trials(variants: int) -> None:
    with pytest.raises(UserError, match="say 1 to 4"):
        Settings(variants=variants)


def test_only_what_is_left_to_nobody_exhausts_it(make_world: Callable[..., Any]) -> None:
    world = make_world(moves=(MOVE,))
    agent = Evolve(Settings(knobs=False))
    play(world, agent, 1)
    with pytest.raises(Exhausted, match="has been tried"):
        play(world, agent, 3)


def test_a_specialist_without_an_edit_leaves_the_turn_to_others(world: Any) -> None:
    nobody = Evolve(Settings())
    lonely = type(world.regularizer)(key="none", title="None", surfaces=("kernels",))
    session = world.session(specialist=lonely)
    asyncio.run(nobody.run(session))
    assert session.proposals == [] and session.records[0][0] == "nothing"


def test_trials_of_other_agents_are_learnt_from(world: Any) -> None:
    enter(world, "rate = 0.11")
    (proposal,) = play(world, Evolve(Settings()), 1)
    notes = decode(proposal.notes)
    assert notes is not None and notes.genome["fit.py::rate"].origin == "0.05"


def test_with_lineage_off_nothing_of_other_sessions_is_used(
    make_world: Callable[..., Any],
) -> None:
    quiet, busy = make_world(), make_world()
    enter(busy, "rate = 0.00001")  # worse, so that the head stays where it is
    first = play(quiet, Evolve(Settings()), 1, lineage=False, more=3)
    second = play(busy, Evolve(Settings()), 1, lineage=False, more=3)
    assert [p.notes for p in first] == [p.notes for p in second]
    assert [p.expected_delta for p in first] == [p.expected_delta for p in second]


def test_with_lineage_off_a_start_has_no_past_though_the_agent_saw_it_made(
    make_world: Callable[..., Any],
) -> None:
    world = make_world()
    agent = Evolve(Settings())
    while not world.store.head().lead:
        play(world, agent, 1, lineage=False)
    fresh, worn = world.session(lineage=False), world.session(lineage=False)
    worn.brief = fresh.brief
    plans = [asyncio.run(a._plan(s)) for a, s in ((Evolve(Settings()), fresh), (agent, worn))]
    assert plans[0] is not None and plans[1] is not None
    assert plans[0].genome == plans[1].genome and plans[0].tree == plans[1].tree


def test_crashes_are_avoided_after_the_first(make_world: Callable[..., Any]) -> None:
    def judge(numbers: Mapping[str, float]) -> Outcome:
        if numbers["steps"] > 60:
            return Outcome(cause=Cause.EXITED)
        return Outcome(cause=Cause.VALID, score=2 - numbers["steps"] / 60 + numbers["rate"])

    world = make_world(judge=judge)
    play(world, Evolve(Settings()), 24)
    crashed = [t.id for t in world.store.query(Query()) if t.cause is Cause.EXITED]
    assert len(crashed) <= 8
    assert sum(number > 12 for number in crashed) <= len(crashed) / 2


def test_a_proposal_is_quick(world: Any) -> None:
    agent, seconds = Evolve(Settings()), []
    for _ in range(12):
        session = world.session()
        begun = time.process_time()
        asyncio.run(agent._plan(session))
        seconds.append(time.process_time() - begun)
    assert statistics.median(seconds) < 0.25  # a shared machine; the benchmark has the figure


def test_the_plugin_builds_it_from_its_settings() -> None:
    book = SettingsBook({})
    book.add(Settings, "agent.evolve")
    assert isinstance(autores_agent(book), Evolve)
