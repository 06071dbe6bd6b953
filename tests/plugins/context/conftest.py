from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autores.agent import Section, SessionBrief
from autores.config import SettingsBook, Value
from autores.context import render
from autores.events import Accepted, Body, Calibrated, Created, Decided, Evaluated, Gated, Started
from autores.lineage.view import LineageView
from autores.plugins import context
from autores.plugins.stores.memory import MemoryStore
from autores.records import (
    Artifact,
    Calibration,
    Decision,
    EditSize,
    Evaluation,
    Limits,
    Measurement,
    Outcome,
    Purpose,
    Radius,
    Specialist,
    Submission,
    Task,
)
from autores.status import Cause, Verdict
from autores.testing import toy

OPTIM = Specialist(key="optim", title="Optimizer", surfaces=("optimizer", "schedule"))
ARCH = Specialist(key="arch", title="Architecture", surfaces=("architecture",))


class Past:
    """A lineage, written by hand."""

    def __init__(self, task: Task | None = None, limits: Limits | None = None) -> None:
        self.task = task or toy.autores_task(profile="")
        self.limits = limits or toy.autores_budget(task=self.task)
        self.store = MemoryStore()
        self.append(Created(direction=self.task.metric.direction, task=self.task.name))
        self.enter(0.5, specialist="seed", hypothesis="The recipe as it came", parents=())
        unset = {gate.name: "0.9" for gate in self.task.gates if gate.at_least is None}
        calibration = Calibration(
            task=self.task.name, profile="default", score=0.5, spread=0.02, thresholds=unset
        )
        self.append(Calibrated(calibration=calibration))

    def append(self, *bodies: Body) -> None:
        self.store.append(lambda head: bodies)

    def enter(
        self,
        score: float | None = None,
        *,
        specialist: str = "optim",
        hypothesis: str = "An idea",
        verdict: Verdict = Verdict.DISCARD,
        parents: tuple[int, ...] = (0,),
        parts: tuple[str, ...] = (),
        outcome: Mapping[str, Any] | None = None,
        pending: bool = False,
        **rest: Any,
    ) -> int:
        """One trial, through to its end unless it is pending."""
        number = self.store.head().next_trial
        edit = EditSize(radius=Radius.LITERAL, parts=parts)
        submission = Submission(
            commit=f"{number:040x}", tree=f"{number:040x}", parents=parents, session=f"s{number}",
            hypothesis=hypothesis, specialist=specialist, call="1", edit=edit, **rest,
        )  # fmt: skip
        self.append(Accepted(trial=number, submission=submission), Gated(trial=number))
        if pending:
            return number
        look = Evaluation(
            trial=number, ordinal=0, purpose=Purpose.FIRST, commit=submission.commit, seeds=(1,)
        )
        found = Outcome(
            **{
                "cause": Cause.VALID,
                "score": score,
                "counts": self.counts(198),
                "measurements": (Measurement(phase="train", seed=1, wall=2.0),),
                "artifact": Artifact(sha256="0" * 64, code_bytes=500, weight_bytes=0),
                **(outcome or {}),
            }
        )
        self.append(Started(evaluation=look), Evaluated(trial=number, ordinal=0, outcome=found))
        if found.score is not None and number:
            decision = Decision(verdict=verdict, policy="t", estimate=0.01)
            self.append(Decided(trial=number, decision=decision))
        return number

    def counts(self, hits: int) -> dict[str, int]:
        """What the gates count, of 200."""
        return {n: c for g in self.task.gates for n, c in ((g.hits, hits), (g.total, 200))}

    def missed(self, hits: int, **rest: Any) -> int:
        """A trial below its gate."""
        metrics = {self.task.metric.name: 0.3}
        counts = self.counts(hits)
        outcome = {"cause": Cause.GATE, "score": None, "counts": counts, "metrics": metrics}
        return self.enter(outcome=outcome, **rest)

    def sections(
        self,
        *,
        lineage: bool = True,
        specialist: Specialist = OPTIM,
        active: tuple[str, ...] = (),
        parent: int | None = None,
        **settings: Any,
    ) -> dict[str, Section]:
        """What a session is told, by title."""
        whole = LineageView(self.store, self.task, lineage_on=lineage, active=active)
        start = (self.store.head().lead or 0) if parent is None else parent
        view = whole.for_session("now", start)
        brief = SessionBrief(
            id="now", task=self.task, specialist=specialist, specialists=(OPTIM, ARCH),
            parent=view.number(start), limits=self.limits,
        )  # fmt: skip
        given = {"lineage": lineage, **settings}
        book = SettingsBook({k: Value(value=v, source="test") for k, v in given.items()})
        book.add(context.Settings, "context")
        return {s.title: s for s in context.autores_context(view, brief, book)}

    def text(self, **choices: Any) -> str:
        """The same as one text."""
        return render(self.sections(**choices).values())


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def make_past() -> Callable[..., Past]:
    return Past


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare with a file; one that is missing is written, for a reviewer to look at."""

    def compare(name: str, text: str) -> None:
        path = Path(request.config.rootpath, "tests", "prompts", f"{name}.md")
        if not path.exists():
            path.write_text(text)
            pytest.fail(f"{path} was missing and has been written; look at it and commit it")
        assert text == path.read_text(), f"the prompt changed: delete {path}, run again, look"

    return compare
