from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from autores import hookimpl
from autores.agent import Proposal, Section, SessionBrief, SessionOver
from autores.baseline import ensure_baseline
from autores.errors import AutoresError
from autores.events import Accepted, Gated
from autores.laboratory import Wanted
from autores.lineage.store import NoSuchTrial
from autores.lineage.view import LineageView
from autores.manager import PluginManager
from autores.records import Cost, Phase, Purpose, Trial
from autores.run import Run
from autores.session import LiveSession
from autores.status import Cause, Status
from autores.testing.stores import submission
from autores.tools import Tool, ToolContext

OpenRun = Callable[..., AbstractAsyncContextManager[Run]]


def recipe(**numbers: float) -> dict[str, bytes]:
    known = {"degree": 4, "ridge": 0.02, "rate": 0.05, "steps": 60} | numbers
    return {"fit.py": "".join(f"{n} = {v}\n" for n, v in known.items()).encode()}


def propose(call: str = "", hypothesis: str = "Faster", **numbers: float) -> Proposal:
    return Proposal(hypothesis=hypothesis, files=recipe(**numbers), call=call)


class Witness:
    """A plugin that tells sessions something and counts how often."""

    def __init__(self) -> None:
        self.asked: list[SessionBrief] = []

    @hookimpl
    def autores_context(self, view: LineageView, session: SessionBrief) -> list[Section]:
        self.asked.append(session)
        return [Section(title="News", text="\n".join(["news"] * 999), cap=100, rank=5)]


@dataclass
class Stage:
    """A run with a calibrated baseline, on which sessions work."""

    run: Run
    sessions: list[LiveSession] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """Measurements wait for it."""

    def open(self, name: str = "a", parent: int = 0, specialist: str = "optim") -> LiveSession:
        view = self.run.view().for_session(name, parent)
        brief = SessionBrief(
            id=name,
            task=self.run.task,
            specialist=self.run.specialists[specialist],
            specialists=tuple(self.run.specialists.values()),
            parent=view.number(parent),
        )
        self.sessions.append(LiveSession(self.run, brief, view, self.live))
        return self.sessions[-1]

    async def close(self, session: LiveSession) -> None:
        self.sessions.remove(session)
        await session.settled()
        session.close()

    async def live(self, session: LiveSession, trial: int) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.run.store.get(trial).phase is Phase.QUEUED:
            first = Wanted(trial=trial, purpose=Purpose.FIRST)
            await self.run.laboratory.measure([first], after=[Gated(trial=trial)])

    def stored(self, trial: int) -> Trial:
        return self.run.store.get(trial)

    def accepted(self) -> list[Accepted]:
        return [e.body for e in self.run.store.since(0) if isinstance(e.body, Accepted)][1:]


Play = Callable[..., None]


@pytest.fixture
def play(open_run: OpenRun) -> Play:
    """Play a scene on a stage."""

    def play(scene: Callable[[Stage], Awaitable[None]], *plugins: object, **settings: Any) -> None:
        async def played() -> None:
            manager = PluginManager()
            for number, plugin in enumerate(plugins):
                manager.register(plugin, f"extra {number}")
            async with open_run(manager, **{"submissions": 9} | settings) as run:
                await ensure_baseline(run)
                stage = Stage(run)
                try:
                    await scene(stage)
                finally:
                    while stage.sessions:
                        await stage.close(stage.sessions[0])

        asyncio.run(played())

    return play


# --------------------------------------------------------------------------- submitting


def test_a_submission_is_frozen_accepted_and_answered(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        feedback = await session.submit(
            Proposal(
                hypothesis="Learn\x1b[31m faster",
                files=recipe(rate=0.1),
                expected_delta=-0.1,
                notes="a note",
                cites=(0,),
            )
        )
        assert (feedback.trial.id, feedback.trial.phase) == (1, Phase.MEASURED)
        submission = stage.stored(1).submission
        assert (submission.parents, submission.cites) == ((0,), (0,))
        assert (submission.hypothesis, submission.notes) == ("Learn\\x1b[31m faster", "a note")
        assert (submission.specialist, submission.session) == ("optim", "a")
        assert submission.expected_delta == -0.1
        assert submission.edit is not None and submission.edit.files == ("fit.py",)
        tree = stage.run.code.tree(submission.commit)
        assert tree.files() == recipe(rate=0.1)
        assert tree.id == submission.tree
        assert tree.parent is not None
        assert tree.parent.commit == stage.stored(0).submission.commit

    play(scene)


def test_the_workspace_is_submitted_where_no_files_are(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        session.workspace.replace("fit.py", "rate = 0.05", "rate = 0.1")
        await session.submit(Proposal(hypothesis="Faster"))
        files = stage.run.code.tree(stage.stored(1).submission.commit).files()
        assert files == session.workspace.snapshot()
        assert b"rate = 0.1" in files["fit.py"]

    play(scene)


def test_a_submission_has_an_id_before_it_is_measured(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        stage.hold = asyncio.Event()
        session = stage.open()
        assert await session.begin(propose(rate=0.1)) == 1
        assert stage.stored(1).phase is Phase.QUEUED
        assert await session.wait(1, seconds=0.0) is None
        with pytest.raises(AutoresError, match="trial 1 is still being measured"):
            await session.begin(propose(rate=0.2))
        assert not session.over
        stage.hold.set()
        feedback = await session.wait(1)
        assert feedback is not None and feedback.trial.cause is Cause.VALID

    play(scene)


def test_waiting_is_not_working(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session, told = stage.open(), []
        session.at_work = told.append
        await session.submit(propose(rate=0.1))
        assert told[:1] == [False] and told[-1:] == [True]
        assert told.count(True) == told.count(False)

    play(scene)


def test_a_session_has_its_submissions_and_no_more(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        feedback = await session.submit(propose(rate=0.1))
        assert not feedback.more
        assert not session.more and session.over
        with pytest.raises(SessionOver):
            await session.submit(propose(rate=0.2))
        assert len(stage.accepted()) == session.submissions == 1

    play(scene, submissions=1)


def test_nothing_is_submitted_once_the_run_ends(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        session.end()
        assert session.stopping
        with pytest.raises(SessionOver):
            await session.submit(propose(rate=0.1))

    play(scene)


def test_only_own_submissions_are_waited_for(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.open("a").submit(propose(rate=0.1))
        with pytest.raises(AutoresError, match="trial 1 was not submitted in this session"):
            await stage.open("b").wait(1)

    play(scene)


# ------------------------------------------------------------------- what is not measured


def test_variants_are_trials_of_one_submission(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        others = (propose(rate=0.2, call="b"), propose(rate=0.1, call="c"))
        feedback = await session.submit(replace(propose(rate=0.001, call="a"), variants=others))
        assert [a.submission.call for a in stage.accepted()] == ["a", "b", "c"]
        assert len({a.submission.tree for a in stage.accepted()}) == 3
        scores = {trial: stage.stored(trial).first_score for trial in (1, 2, 3)}
        assert feedback.trial.id == min(scores, key=lambda trial: scores[trial] or 9e9) != 1
        assert (session.more, session.over, session.submissions) == (False, True, 3)

    play(scene, submissions=1)


def test_variants_that_the_budget_has_no_room_for_are_left_out(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        session.room = lambda head: head.next_trial < 3
        others = tuple(propose(rate=rate) for rate in (0.2, 0.1, 0.15))
        await session.submit(replace(propose(rate=0.001), variants=others))
        assert [a.trial for a in stage.accepted()] == [1, 2]
        assert session.more

    play(scene, submissions=2)


def test_a_variant_that_breaks_is_not_what_to_go_on_with(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        good = propose(rate=0.06)
        feedback = await session.submit(replace(propose(degree=-4), variants=(good,)))
        assert (stage.stored(1).first_score, feedback.trial.id) == (None, 2)

    play(scene)


def test_the_same_tree_is_refused(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        unchanged = await session.submit(Proposal(hypothesis="Nothing"))
        await session.submit(propose(rate=0.1))
        again = await stage.open("b").submit(propose(rate=0.1))
        for feedback, says in (
            (unchanged, "nothing was changed."),
            (again, "trial 2 has the very same files."),
        ):
            assert feedback.trial.status is Status.ILLEGAL
            (violation,) = feedback.violations
            assert (violation.rule, violation.message) == ("repeat", says)
        assert stage.stored(1).evaluations == stage.stored(3).evaluations == 0

    play(scene)


def test_what_another_did_may_be_merged_by_who_does_not_own_it(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        theirs = await stage.open("a", specialist="optim").submit(propose(rate=0.1))
        session = stage.open("b", specialist="arch")
        session.workspace.replace("fit.py", "rate = 0.05", "rate = 0.1")
        session.workspace.replace("fit.py", "degree = 4", "degree = 5")
        assert [v.rule for v in await session.check()] == ["scope"]
        assert await session.check((theirs.trial.id,)) == ()
        both = await session.submit(Proposal(hypothesis="Both", merges=(theirs.trial.id,)))
        assert both.trial.cause is Cause.VALID
        assert stage.stored(2).submission.parents == (0, 1)

    play(scene)


def test_what_no_gate_has_let_pass_cannot_be_merged(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        seed = stage.stored(0).submission.commit
        for number, rate in ((1, 0.1), (2, 0.2)):
            commit = stage.run.code.commit(recipe(rate=rate), [seed])
            made = submission(number, commit=commit, tree=stage.run.code.tree(commit).id)
            accepted = Accepted(trial=number, submission=made)
            gated = (Gated(trial=number, cause=Cause.ILLEGAL),) if number == 1 else ()
            stage.run.store.append(lambda head, all=(accepted, *gated): all)
        session = stage.open(specialist="arch")
        session.workspace.replace("fit.py", "degree = 4", "degree = 5")
        for refused, waiting in ((1, 2), (2, 1)):
            found = await session.check((refused, waiting))
            assert [v.rule for v in found] == ["merge", "merge"]
            assert found[0].message == f"trial {refused} has not passed the gates."
        feedback = await session.submit(Proposal(hypothesis="Both", merges=(1,)))
        assert feedback.trial.status is Status.ILLEGAL

    play(scene)


def test_what_never_ran_may_be_tried_again(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        seed = stage.stored(0).submission.commit
        commit = stage.run.code.commit(recipe(rate=0.1), [seed])
        refused = submission(1, commit=commit, tree=stage.run.code.tree(commit).id)
        gated = Gated(trial=1, cause=Cause.ILLEGAL)
        stage.run.store.append(lambda head: [Accepted(trial=1, submission=refused), gated])
        feedback = await stage.open().submit(propose(rate=0.1))
        assert (feedback.trial.id, feedback.trial.cause) == (2, Cause.VALID)

    play(scene)


@pytest.mark.parametrize("path", ["../fit.py", "/fit.py", ".git/config", "fït.py", "a//b.py"])
def test_bad_names_become_an_illegal_trial(play: Play, path: str) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        feedback = await session.submit(
            Proposal(hypothesis="Odd", files=recipe(rate=0.1) | {path: b"x = 1\n"})
        )
        assert feedback.trial.status is Status.ILLEGAL
        assert feedback.violations and feedback.violations[0].fix
        assert stage.stored(1).submission.commit == stage.stored(0).submission.commit
        assert stage.run.store.head().next_trial == 2  # it counts
        assert stage.run.code.fsck() == ""

    play(scene)


# ------------------------------------------------------------------------ repeated calls


def test_a_repeated_call_is_answered_and_submits_nothing_twice(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        first = await session.submit(propose(call="x", rate=0.1))
        again = await session.submit(propose(call="x", rate=0.1))
        assert again.trial == first.trial
        assert len(stage.accepted()) == session.submissions == 1
        session.end()
        assert (await session.submit(propose(call="x", rate=0.1))).trial == first.trial

    play(scene)


def test_a_call_is_remembered_by_the_lineage(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open("a")
        await session.submit(propose(call="x", rate=0.1))
        await stage.close(session)
        again = await stage.open("a").submit(propose(call="x", rate=0.1))
        assert again.trial.id == 1
        assert len(stage.accepted()) == 1

    play(scene)


def test_calls_without_a_name_meet_no_named_one(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        await session.submit(propose(call="1", rate=0.1))
        await session.submit(propose(rate=0.2))
        assert [body.trial for body in stage.accepted()] == [1, 2]

    play(scene)


def test_two_sessions_may_use_one_name(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.open("a").submit(propose(call="x", rate=0.1))
        await stage.open("b").submit(propose(call="x", rate=0.2))
        assert [body.trial for body in stage.accepted()] == [1, 2]

    play(scene)


# ------------------------------------------------------------------------------- parents


def test_the_parent_is_where_the_workspace_came_from(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.open("a").submit(propose(rate=0.1))
        await stage.open("b").submit(propose(rate=0.2))
        session = stage.open("c", parent=1)
        assert session.workspace.snapshot() == recipe(rate=0.1)
        session.workspace.replace("fit.py", "degree = 4", "degree = 5")
        session.rebase(2)
        await session.submit(Proposal(hypothesis="Wider", merges=(1,)))
        submission = stage.stored(3).submission
        assert submission.parents == (2, 1)
        files = stage.run.code.tree(submission.commit).files()
        assert files == recipe(degree=5, rate=0.2)

    play(scene)


def test_without_lineage_a_session_knows_its_own_numbers_alone(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        await stage.open("a").submit(propose(rate=0.1))
        await stage.open("b").submit(propose(rate=0.2))
        session = stage.open("c", parent=1)
        assert session.brief.parent == 0
        assert session.view.trial(0).submission.commit == stage.stored(1).submission.commit
        feedback = await session.submit(propose(rate=0.3))
        assert feedback.trial.id == 1
        assert feedback.trial.parent == 0
        assert stage.stored(3).parent == 1
        with pytest.raises(NoSuchTrial):
            session.view.trial(2)
        repeated = await session.submit(propose(rate=0.2))
        assert repeated.violations[0].message == "another trial has the very same files."
        own = await session.submit(propose(rate=0.3))
        assert own.violations[0].message == "trial 1 has the very same files."

    play(scene, lineage=False)


# ---------------------------------------------------------------------- what it is told


def test_what_a_session_is_told(play: Play) -> None:
    witness = Witness()

    async def scene(stage: Stage) -> None:
        session = stage.open()
        context = session.context
        first = context.split("\n\n## ")[0]
        assert first.startswith("## News\n\nnews\n")
        assert len(first.removeprefix("## News\n\n").encode()) <= 100
        assert "## Where the run stands" in context
        assert session.context is context
        assert [brief.id for brief in witness.asked] == ["a"]

    play(scene, witness)


def test_instructions_end_with_the_specialists_own(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        optim, arch = stage.open("a"), stage.open("b", specialist="arch")
        assert optim.instructions[0] == arch.instructions[0]
        assert optim.instructions[-1] == optim.brief.specialist.preamble.strip()
        assert optim.system == "\n\n".join(optim.instructions)

    play(scene)


def test_what_the_gates_would_say(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open(specialist="arch")
        assert [v.rule for v in await session.check()] == ["repeat"]
        session.workspace.replace("fit.py", "rate = 0.05", "rate = 0.1")
        assert "scope" in [v.rule for v in await session.check()]
        assert stage.accepted() == []

    play(scene)


def test_trees_of_trials_that_it_sees(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        await session.submit(propose(rate=0.1))
        assert b"rate = 0.1" in session.snapshot(1).read("fit.py")
        assert "+rate = 0.1" in session.compare(0, 1)
        with pytest.raises(NoSuchTrial):
            session.snapshot(2)

    play(scene)


# -------------------------------------------------------------------------- tools, ledger


async def _answer(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    return f"{context.task.name} {arguments['n']} {context.call}"


async def _fail(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    raise LookupError("nothing there")


class Tools:
    @hookimpl
    def autores_tools(self) -> list[Tool]:
        return [
            Tool(name="answer", description="Answers.", run=_answer, parameters={"n": {}}),
            Tool(name="fail", description="Fails.", run=_fail),
        ]


def test_errors_of_tools_are_answers(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        assert await session.call("answer", {"n": 1}, call="x") == "toy 1 x"
        assert "nothing there" in await session.call("fail", {})
        assert "there is no tool 'anser'" in await session.call("anser", {})

    play(scene, Tools())


def test_what_was_used_stands_in_the_ledger(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        await session.charge(Cost(input_tokens=5, dollars=0.5))
        await session.charge(Cost(output_tokens=2))
        assert (session.spent.tokens, session.spent.dollars) == (7, 0.5)
        assert session.budget.dollars == 3.0

    play(scene, max_dollars=3.0)


def test_its_files_go_and_its_transcript_stays(play: Play) -> None:
    async def scene(stage: Stage) -> None:
        session = stage.open()
        await session.submit(propose(rate=0.1))
        session.record("note", "mine")
        assert session.workspace.folder.exists()
        folder = stage.run.folder
        assert folder.workspace("a").exists()
        await stage.close(session)
        async with asyncio.timeout(20):
            while folder.workspace("a").exists():
                await asyncio.sleep(0.001)
        lines = folder.transcript("a").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["kind"] for line in lines] == ["proposal", "feedback", "note"]

    play(scene)
