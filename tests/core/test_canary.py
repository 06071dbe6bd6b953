"""Nothing that one session leaves anywhere reaches a session of the arm without lineage."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores import hookimpl
from autores.agent import Exhausted, Proposal, Session
from autores.errors import AutoresError
from autores.events import Marked
from autores.lineage.store import Order, Query
from autores.records import Decision, Measurement, Task
from autores.status import Verdict
from autores.testing import toy
from autores.testing.runs import play

HYPOTHESIS, NOTES, CODE, LOG, FILE, MARK, KNOWLEDGE = CANARIES = (
    *("canaryhypothesis", "canarynotes", "canarycode", "canarylog", "canaryfile", "canarymark"),
    "canaryknowledge",
)
PLANTED = 3
RATE = "rate = 0.05  # of gradient descent"
NUMBERS = range(PLANTED + 3)
TEXTS = ("", "canary", "fit.py", "generalist", "..", "../../code.git")


class Plants:
    """Leaves a canary in whatever a session can write to, in trials that never lead."""

    def __init__(self) -> None:
        self.left = PLANTED
        self.names: list[str] = []

    @hookimpl
    def autores_agent(self) -> Plants:
        return self

    async def run(self, session: Session) -> None:
        if not self.left:
            raise Exhausted("planted")
        self.left -= 1
        self.names.append(session.brief.id)
        code = session.workspace.read("fit.py")
        worse = f"rate = 0.0  # {CODE} {self.left}"
        session.workspace.replace("fit.py", RATE, worse)
        session.record("thought", FILE)
        (session.workspace.folder / "left.txt").write_text(FILE)
        files = {"fit.py": code.replace(RATE, worse).encode()}
        await session.submit(
            Proposal(hypothesis=f"{HYPOTHESIS} {self.left}", notes=NOTES, files=files)
        )


class Reads:
    """Reads all that it can get at, submits once, and reads again."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.before = ""
        """What it had seen when it submitted."""
        self.done = False

    @hookimpl
    def autores_agent(self) -> Reads:
        return self

    async def run(self, session: Session) -> None:
        if self.done:
            raise Exhausted("read")
        self.done = True
        await self._look(session)
        self.before = "\n".join(self.seen)
        session.workspace.replace("fit.py", "steps = 60", "steps = 61")
        self.seen.append(repr(await session.submit(Proposal(hypothesis="one step more"))))
        await self._look(session)

    async def _look(self, session: Session) -> None:
        self.seen += [session.system, session.context, *session.instructions, repr(session.brief)]
        self.seen += _files_around(session.workspace.folder)
        self.seen += list(_asked(session))
        for name, tool in session.tools.items():
            if name not in ("submit_trial", "edit_file", "write_file", "apply_patch"):
                for arguments in _arguments(tool):
                    self.seen.append(await session.call(name, arguments))


def _files_around(folder: Path) -> Iterator[str]:
    """The workspace, and whatever lies beside it."""
    for path in folder.parent.rglob("*"):
        yield str(path.relative_to(folder.parent))
        if path.is_file():
            yield path.read_text(errors="replace")


def _asked(session: Session) -> Iterator[str]:
    """Every question that a view answers, and every tree that a session opens."""
    view = session.view
    yield repr((view.standing, view.calibration, view.active, view.tally(), view.course))
    for order, text in itertools.product(Order, ("", "canary")):
        yield repr(view.query(Query(order=order, text=text)))
    yield repr((view.recent(50), view.leaderboard(50), view.pending(), view.search("canary", 9)))
    for number in NUMBERS:
        for ask in (view.trial, view.looks, view.path, view.children, session.snapshot):
            try:
                found = ask(number)
            except (AutoresError, KeyError) as error:
                found = error
            yield repr(found)
            if hasattr(found, "read"):
                yield repr([found.read(path) for path in found])


def _arguments(tool: Any) -> Iterator[dict[str, Any]]:
    """Numbers and texts in every place where a tool takes them."""
    properties = tool.schema["properties"]
    for number, text in itertools.product(NUMBERS, TEXTS):
        values = {"integer": number, "number": number, "boolean": True, "string": text}
        yield {
            name: property.get("enum", [values.get(property.get("type", "string"), text)])[0]
            for name, property in properties.items()
        }


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A knowledge document of the task; and programs that log a canary."""
    path = tmp_path / "known.md"
    path.write_text("What was known before.")
    plain = toy.autores_task

    @hookimpl
    def autores_task(profile: str) -> Task:
        return replace(plain(profile), knowledge=(str(path),))

    def logging(**fields: Any) -> Measurement:
        return Measurement(**fields, log=LOG)

    monkeypatch.setattr(toy, "autores_task", autores_task)
    monkeypatch.setattr(toy, "Measurement", logging)
    return path


def read_after_planting(folder: Path, document: Path, *, lineage: bool) -> tuple[Reads, Plants]:
    """A session that came after others."""
    plants, reads = Plants(), Reads()

    class Both:
        @hookimpl
        def autores_agent(self) -> Both:
            return self

        @hookimpl
        def autores_decide(self) -> Decision:
            """What leads may be seen by all: in no world may it be what was planted."""
            return Decision(verdict=Verdict.DISCARD, policy="discards")

        async def run(self, session: Session) -> None:
            if plants.left:
                await plants.run(session)
                return
            document.write_text(KNOWLEDGE)
            for trial in range(1, PLANTED + 1):
                mark = Marked(name=MARK, text=MARK, trial=trial)
                session._run.store.append(lambda head, mark=mark: (mark,))  # type: ignore[attr-defined]
            await reads.run(session)

    play(folder, plugins=[Both()], lineage=lineage, give_up=1)
    return reads, plants


def test_nothing_reaches_a_session_without_lineage(tmp_path: Path, document: Path) -> None:
    reads, plants = read_after_planting(tmp_path / "off", document, lineage=False)
    seen = "\n".join(reads.seen)
    assert "What was known before." in seen
    assert "one step more" in seen  # its own row it sees
    for canary in CANARIES:
        known = reads.before if canary == LOG else seen  # its own program logs the same
        assert canary not in known, canary
    assert not any(name in seen for name in plants.names)


def test_the_same_session_with_lineage_finds_them(tmp_path: Path, document: Path) -> None:
    reads, _ = read_after_planting(tmp_path / "on", document, lineage=True)
    seen = reads.before
    for canary in (HYPOTHESIS, NOTES, CODE, LOG, MARK):
        assert canary in seen, canary
    assert FILE not in seen and KNOWLEDGE not in seen
