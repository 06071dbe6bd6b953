from __future__ import annotations

import json
from pathlib import Path

import pytest

from autores import hookimpl
from autores.agent import Exhausted, Proposal, Session
from autores.cli import run as command
from autores.evaluator.trees import FileTree
from autores.events import Event, Marked, Steered
from autores.lineage.store import Query
from autores.records import Trial
from autores.status import Cause, Status
from autores.steering import TAKEN, Action, Course
from autores.testing.runs import Played, play, play_on


def course(*bodies: Steered | Marked) -> Course:
    found = Course()
    for seq, body in enumerate(bodies, start=1):
        found = found.after(Event(seq=seq, at=0.0, body=body, previous="", hash=""))
    return found


def said(action: Action, text: str = "", trial: int | None = None) -> Steered:
    return Steered(action=action.value, text=text, trial=trial)


def test_what_was_said_holds_until_it_is_taken_back() -> None:
    found = course(
        said(Action.HINT, "look at width"),
        said(Action.PIN, trial=3),
        said(Action.BLOCK, "lr"),
        said(Action.HINT, "not depth"),
        said(Action.DROP, "look at width"),
        said(Action.UNPIN),
    )
    assert [hint.text for hint in found.hints] == ["not depth"]
    assert (found.pinned, found.changes) == (None, 6)
    assert [knob.text for knob in found.knobs] == ["lr"]


def test_a_queued_idea_is_worked_on_once() -> None:
    found = course(
        said(Action.QUEUE, "a"), said(Action.QUEUE, "b"), Marked(name=TAKEN, text="1", session="s")
    )
    assert [idea.text for idea in found.queued] == ["b"]
    assert found.changes == 2


BEFORE = b"""\
rate = 0.1  # degree of warmth
degree = 4


class Net:
    def forward(self, x):
        return x * 2
"""


@pytest.mark.parametrize(
    ("knob", "old", "new", "refused"),
    [
        ("degree", b"degree = 4", b"degree = 5", True),
        ("fit.py::degree", b"degree = 4", b"degree = 5", True),
        ("other.py::degree", b"degree = 4", b"degree = 5", False),
        ("degree", b"0.1", b"0.2", False),  # stands in a comment alone
        ("forward", b"x * 2", b"x * 3", True),
        ("Net.forward", b"x * 2", b"x * 3", True),
        ("deg", b"degree = 4", b"degree = 5", False),
    ],
)
def test_blocked_knobs(knob: str, old: bytes, new: bytes, refused: bool) -> None:
    before = FileTree({"fit.py": BEFORE})
    after = FileTree({"fit.py": BEFORE.replace(old, new)})
    found = course(said(Action.BLOCK, knob)).refuses("try it", before, after)
    assert [v.rule for v in found] == (["steering"] if refused else [])


def test_blocked_ideas_are_refused_by_their_words() -> None:
    tree = FileTree({})
    blocked = course(said(Action.BLOCK_IDEA, "label smoothing"))
    assert blocked.refuses("Smoothing of labels and the label", tree, tree)
    assert not blocked.refuses("Smooth the schedule", tree, tree)


class Listens:
    """Submits degrees, and notes what each session was told and where it started."""

    def __init__(self, *degrees: int) -> None:
        self.left = list(degrees)
        self.told: list[str] = []
        self.parents: list[int] = []

    @hookimpl
    def autores_agent(self) -> Listens:
        return self

    async def run(self, session: Session) -> None:
        if not self.left:
            raise Exhausted("nothing left")
        self.told.append(session.context)
        self.parents.append(session.brief.parent)
        code = session.workspace.read("fit.py")
        old = next(line for line in code.splitlines() if line.startswith("degree ="))
        session.workspace.replace("fit.py", old, f"degree = {self.left[0]}  # of the polynomial")
        await session.submit(Proposal(hypothesis=f"degree {self.left.pop(0)}"))


def steered(played: Played, *words: str) -> int:
    return command(["steer", str(played.root), *words])


def trials(played: Played) -> tuple[Trial, ...]:
    with played.reading() as found:
        return found.store.query(Query())


@pytest.fixture
def played(tmp_path: Path) -> Played:
    return play(tmp_path, plugins=[Listens(5, 6)])


def test_sessions_are_told_and_start_where_people_say(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    assert steered(played, "hint", "wider is worth a try") == 0
    assert steered(played, "pin", "0") == 0
    assert steered(played, "queue", "exactly seven") == 0
    agent = Listens(7, 8)
    play_on(played, plugins=[agent])
    assert agent.parents == [0, 0]
    assert all("wider is worth a try" in told for told in agent.told)
    assert ["exactly seven" in told for told in agent.told] == [True, False]
    assert [trial.parent for trial in trials(played)[3:]] == [0, 0]
    capsys.readouterr()
    assert command(["best", str(played.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steered"] == 3
    assert command(["best", str(played.root)]) == 0
    assert "steered    3 times by people" in capsys.readouterr().out


def test_what_is_blocked_is_refused_before_it_runs(played: Played) -> None:
    assert steered(played, "block", "degree") == 0
    play_on(played, plugins=[Listens(9)])
    last = trials(played)[-1]
    assert (last.status, last.cause, last.looks) == (Status.ILLEGAL, Cause.ILLEGAL, 0)
    assert last.violations[0].rule == "steering"


def test_an_idea_that_nobody_submitted_stays_queued(played: Played) -> None:
    assert steered(played, "queue", "try this") == 0

    class Refuses(Listens):
        async def run(self, session: Session) -> None:
            self.told.append(session.context)
            if len(self.told) == 1:
                raise ValueError("no")
            await super().run(session)

    agent = Refuses(7)
    play_on(played, plugins=[agent])
    assert sum("try this" in told for told in agent.told) >= 2


def test_an_idea_that_is_left_goes_on_and_lets_others_pass(played: Played) -> None:
    assert steered(played, "queue", "for somebody else") == 0
    assert steered(played, "queue", "for anybody") == 0

    class Leaves(Listens):
        async def run(self, session: Session) -> None:
            if "somebody" in session.brief.idea:
                session.leave_idea()
            ideas.append(session.brief.idea)
            await super().run(session)

    ideas: list[str] = []
    play_on(played, plugins=[Leaves(7, 8, 9)])
    assert ideas[:3] == ["for somebody else", "for anybody", "for somebody else"]


def test_a_run_is_stopped_by_word(played: Played) -> None:
    assert steered(played, "stop", "enough") == 0
    agent = Listens(7, 8, 9)
    assert play_on(played, plugins=[agent]).reason == "enough"


@pytest.mark.parametrize(
    "words", [("hint",), ("pin", "x"), ("pin", "99"), ("drop", "what nobody said")]
)
def test_what_makes_no_sense_is_refused(played: Played, words: tuple[str, ...]) -> None:
    assert steered(played, *words) == 2


def test_a_run_without_lineage_is_not_steered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = play(tmp_path, plugins=[Listens(5)], lineage=False)
    assert steered(blind, "hint", "the best is 5") == 2
    assert "cannot be steered" in capsys.readouterr().err


def test_the_course_is_listed(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    assert steered(played, "block-idea", "wider nets") == 0
    capsys.readouterr()
    assert steered(played) == 0
    assert capsys.readouterr().out.splitlines() == [
        "blocked idea  wider nets",
        "steered       1 times",
    ]
