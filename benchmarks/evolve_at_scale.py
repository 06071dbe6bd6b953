"""How long evolve thinks about airbench, with 1,000 and with 100,000 trials in the lineage."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

from benchmarks.report import Report, Row

from autores.agent import Feedback, Proposal, Session, SessionBrief, SessionOver
from autores.events import Accepted, Body, Created, Decided, Evaluated, Gated, Started
from autores.lineage.store import LineageStore
from autores.lineage.view import LineageView
from autores.plugins.agents.evolve import Evolve, Settings
from autores.plugins.agents.evolve.genome import Edit, Notes, edited
from autores.plugins.agents.evolve.knobs import Knob, find_knobs
from autores.plugins.stores.sqlite import autores_store
from autores.records import (
    Decision,
    Evaluation,
    Outcome,
    Purpose,
    Specialist,
    Submission,
    Task,
    Violation,
)
from autores.specialists.arch import SPECIALIST as ARCH
from autores.specialists.optim import SPECIALIST as OPTIM
from autores.status import Cause, Verdict
from autores.tasks.airbench.moves import MOVES
from autores.tasks.airbench.plugin import autores_task

SIZES = (1_000, 100_000)
LIMITS_MS = {1_000: 50.0, 100_000: 100.0}
SESSIONS = 15
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class _Files:
    """A workspace at the seed recipe."""

    files: dict[str, bytes]
    commit: str = "0"

    def snapshot(self) -> dict[str, bytes]:
        return self.files

    def write(self, path: str, content: bytes) -> None:
        pass

    def reset(self) -> None:
        pass


@dataclass(slots=True)
class _Turn:
    """A session whose submission ends it."""

    brief: SessionBrief
    view: LineageView
    workspace: _Files
    moves: Sequence[Any] = MOVES
    stopping: bool = False
    begun: float = field(default_factory=time.process_time)
    thought: float = 0.0

    async def check(self, merges: tuple[int, ...] = ()) -> tuple[Violation, ...]:
        """The gates have nothing against it, and their time is not evolve's."""
        return ()

    async def submit(self, proposal: Proposal) -> Feedback:
        self.thought = time.process_time() - self.begun
        raise SessionOver(proposal.hypothesis)


def _bodies(number: int, knobs: Sequence[Knob], random: Random) -> Iterator[Body]:
    """A trial that turned two knobs of the seed recipe."""
    edits = []
    for knob in random.sample(knobs, 2) if number else ():
        if knob.scale is not None:
            text = knob.text(knob.scale.value(random.gauss(0, 1)))
            edits.append(Edit(gene=knob.gene, old=knob.literal.text, new=text))
    notes = Notes(operator="turn", edits=tuple(edits), genome=edited({}, edits))
    submission = Submission(
        commit=f"{number:040x}",
        tree=f"{number:040x}",
        parents=(0,) if number else (),
        hypothesis="x",
        specialist=OPTIM.key,
        session="s",
        call=str(number),
        notes=notes.encode(),
    )
    look = Evaluation(
        trial=number, ordinal=0, purpose=Purpose.FIRST, commit=submission.commit, seeds=(1,)
    )
    valid = random.random() < 0.7
    score = 6.0 + random.gauss(0, 0.3) if valid else None
    yield Accepted(trial=number, submission=submission)
    yield Gated(trial=number)
    yield Started(evaluation=look)
    outcome = Outcome(cause=Cause.VALID if valid else Cause.EXITED, score=score)
    yield Evaluated(trial=number, ordinal=0, outcome=outcome)
    if valid:
        yield Decided(trial=number, decision=Decision(verdict=Verdict.DISCARD, policy="none"))


def _grow(store: LineageStore, task: Task, files: dict[str, bytes], start: int, stop: int) -> None:
    knobs = find_knobs("train.py", files["train.py"])
    random = Random(start)
    for first in range(start, stop, _BATCH):
        numbers = range(first, min(stop, first + _BATCH))
        bodies = [body for number in numbers for body in _bodies(number, knobs, random)]
        begin = [] if first else [Created(direction=task.metric.direction)]
        store.append(lambda head, new=(*begin, *bodies): new)  # type: ignore[misc]


def _seconds(store: LineageStore, task: Task, files: dict[str, bytes]) -> list[float]:
    """Of one session after the other, two specialists in turn; the first of each warms up."""
    agent = Evolve(Settings())
    whole = LineageView(store, task)
    found = [
        asyncio.run(_think(agent, whole, task, files, (OPTIM, ARCH)[turn % 2], turn))
        for turn in range(SESSIONS + 2)
    ]
    return found[2:]


async def _think(
    agent: Evolve,
    whole: LineageView,
    task: Task,
    files: dict[str, bytes],
    specialist: Specialist,
    turn: int,
) -> float:
    brief = SessionBrief(
        id=f"turn {turn}",
        task=task,
        specialist=specialist,
        specialists=(OPTIM, ARCH),
        parent=0,
        seed=turn,
    )
    session = _Turn(brief=brief, view=whole.for_session(brief.id, 0), workspace=_Files(files))
    try:
        await agent.run(cast("Session", session))
    except SessionOver:
        return session.thought
    raise AssertionError("evolve has proposed nothing")


def run() -> Report:
    """Grow one SQLite lineage, and think at each size."""
    task = autores_task("micro")
    files = {"train.py": (Path(task.recipe.path) / "train.py").read_bytes()}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        store = autores_store(f"sqlite:{folder}/lineage.db")
        assert store is not None
        grown = 0
        for size in SIZES:
            _grow(store, task, files, grown, size)
            grown = size
            seconds = _seconds(store, task, files)
            rows.append(
                Row(
                    name=f"processor time of a proposal with {size:,} trials, median",
                    value=1000 * statistics.median(seconds),
                    unit="ms",
                    limit=LIMITS_MS[size],
                    samples=len(seconds),
                )
            )
        store.close()
    note = "Of the process, from the session's beginning to its submission; the lineage lies in SQLite on disk."
    return Report(title="evolve with a long lineage", rows=rows, notes=[note])
