from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from autores.agent import Feedback, Proposal, SessionBrief
from autores.events import Accepted, Body, Created, Decided, Evaluated, Gated, Started
from autores.lineage.view import LineageView
from autores.moves import Move
from autores.plugins.agents.evolve.knobs import find_knobs
from autores.plugins.stores.memory import MemoryStore
from autores.records import (
    Cost,
    Decision,
    Evaluation,
    Limits,
    Outcome,
    Purpose,
    Specialist,
    Submission,
    Task,
    Tree,
    Violation,
)
from autores.status import Cause, Verdict
from autores.testing.toy import autores_task
from autores.workspace.repository import CodeRepository
from autores.workspace.workspace import Workspace

ALL = Specialist(key="all", title="All", surfaces=("*",))
REG = Specialist(key="reg", title="Reg", surfaces=("regularization",))
OPTIM = Specialist(key="optim", title="Optim", surfaces=("optimizer",))
SECONDS = 2.0
"""That every look takes."""
Judge = Callable[[Mapping[str, float]], Outcome]


def bowl(numbers: Mapping[str, float]) -> Outcome:
    """Best at a rate of 0.1 and a degree of 6; degrees above 12 crash."""
    if numbers["degree"] > 12:
        return Outcome(cause=Cause.EXITED)
    score = 1 + (numbers["rate"] - 0.1) ** 2 * 50 + 0.05 * (numbers["degree"] - 6) ** 2
    return Outcome(cause=Cause.VALID, score=score)


class World:
    """A lineage in memory and code on disk, without supervisor or evaluator."""

    everybody, regularizer, optimizer = ALL, REG, OPTIM

    def __init__(self, folder: Path, judge: Judge = bowl, moves: tuple[Move, ...] = ()) -> None:
        self.folder, self.judge, self.moves = folder, judge, moves
        self.task: Task = autores_task("default")
        self.code = CodeRepository.create(folder / "code.git")
        self.store = MemoryStore()
        self.sessions = 0
        self.refuse: Callable[[Mapping[str, bytes]], tuple[Violation, ...]] = lambda files: ()
        self.store.append(lambda head: (Created(direction=self.task.metric.direction),))
        seed = self.code.seed(Path(self.task.recipe.path))
        self.enter(
            Submission(
                commit=seed, parents=(), hypothesis="", specialist="", session="", call="",
                tree=self.code.tree(seed).id,
            )
        )  # fmt: skip

    def enter(self, submission: Submission) -> int:
        """Accept, measure and decide."""
        number = self.store.head().next_trial
        source = self.code.tree(submission.commit).read("fit.py")
        numbers = {k.literal.name: float(k.literal.value) for k in find_knobs("fit.py", source)}
        outcome = self.judge(numbers)
        look = Evaluation(
            trial=number, ordinal=0, purpose=Purpose.FIRST, commit=submission.commit, seeds=(1,)
        )
        bodies: list[Body] = [
            Accepted(trial=number, submission=submission),
            Gated(trial=number),
            Started(evaluation=look),
            Evaluated(trial=number, ordinal=0, outcome=outcome, cost=Cost(seconds=SECONDS)),
        ]
        if outcome.score is not None:
            best = self.store.get(self.store.head().lead or 0).score if number else None
            better = best is None or outcome.score < best
            verdict = Verdict.LEAD if better else Verdict.DISCARD
            bodies.append(Decided(trial=number, decision=Decision(verdict=verdict, policy="t")))
        self.store.append(lambda head: bodies)
        return number

    def session(
        self,
        specialist: Specialist = ALL,
        *,
        lineage: bool = True,
        more: int = 1,
        limits: Limits | None = None,
    ) -> TestSession:
        """A turn from the head."""
        self.sessions += 1
        name = f"s{self.sessions}"
        return TestSession(self, specialist, name, lineage=lineage, more=more, limits=limits)


class TestSession:
    """Keeps the protocol `autores.agent.Session`."""

    __test__ = False
    system = context = ""
    stopping = False

    def __init__(
        self,
        world: World,
        specialist: Specialist,
        name: str,
        *,
        lineage: bool,
        more: int,
        limits: Limits | None,
    ) -> None:
        self.world, self.more = world, more
        head = world.store.head().lead or 0
        whole = LineageView(world.store, world.task, lineage_on=lineage)
        self.view = whole.for_session(name, head)
        self.brief = SessionBrief(
            id=name, task=world.task, specialist=specialist, specialists=(ALL, REG),
            parent=self.view.number(head), seed=random.Random(name).getrandbits(32),
            limits=limits,
        )  # fmt: skip
        self.workspace = Workspace(world.code, world.folder / name, world.task.recipe)
        self.workspace.checkout(world.store.get(head).submission.commit)
        self.tools: dict[str, object] = {}
        self.moves = world.moves
        self.proposals: list[Proposal] = []
        self.records: list[tuple[str, object]] = []
        self.idea_left = False
        self.checked: list[tuple[str, ...]] = []

    async def submit(self, proposal: Proposal) -> Feedback:
        self.proposals.append(proposal)
        files = proposal.files or self.workspace.snapshot()
        parents = [self.view.stored(self.brief.parent), *map(self.view.stored, proposal.merges)]
        commits = [self.world.store.get(p).submission.commit for p in parents]
        commit = self.world.code.commit(files, commits, proposal.hypothesis)
        number = self.world.enter(
            Submission(
                commit=commit, tree=self.world.code.tree(commit).id, parents=tuple(parents),
                hypothesis=proposal.hypothesis, specialist=self.brief.specialist.key,
                session=self.brief.id, call=str(len(self.proposals)), notes=proposal.notes,
                expected_delta=proposal.expected_delta,
                cites=tuple(map(self.view.stored, proposal.cites)),
            )
        )  # fmt: skip
        shown = self.view.shown(number)
        return Feedback(trial=shown, more=len(self.proposals) < self.more)

    def snapshot(self, trial: int) -> Tree:
        return self.world.code.tree(self.view.trial(trial).submission.commit)

    async def call(self, tool: str, arguments: Mapping[str, object]) -> str:
        raise AssertionError(tool)

    async def charge(self, cost: object) -> None:
        raise AssertionError(cost)

    async def check(self, merges: tuple[int, ...] = ()) -> tuple[Violation, ...]:
        self.checked.append(self.workspace.changed())
        return self.world.refuse(self.workspace.snapshot())

    def leave_idea(self) -> None:
        self.idea_left = True

    def record(self, kind: str, content: object) -> None:
        self.records.append((kind, content))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., World]:
    return lambda **choices: World(tmp_path_factory.mktemp("world"), **choices)
