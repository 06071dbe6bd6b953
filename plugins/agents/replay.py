"""Proposes what a recorded run proposed, in its order, to be measured anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autores import hookimpl
from autores.agent import Exhausted, Proposal, Session
from autores.config import SettingsBook
from autores.errors import UserError
from autores.lineage.store import NoSuchTrial
from autores.reading import Reading, reading
from autores.records import Submission
from autores.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Which run is played."""

    path: str = field(default="", metadata={"help": "folder of the run that is replayed"})
    keeps: bool = field(default=False, metadata={"help": "only what that run led with or kept"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A submission as it was."""

    trial: int
    submission: Submission
    files: dict[str, bytes]


class Replay:
    """Hands out recorded trees, one to each session, each from the trial that its parent became.

    With several sessions a tree may come before its parent has been measured again; it then
    starts from wherever the session does.
    """

    def __init__(self, recorded: Iterator[Recorded]) -> None:
        """Play these."""
        self._left = recorded
        self._here: dict[int, int] = {0: 0}
        """Trials of then to trials of now."""

    async def run(self, session: Session) -> None:
        """Submit the next tree as it was."""
        recorded = next(self._left, None)
        if recorded is None:
            raise Exhausted("the recorded run has been played")
        submission = recorded.submission
        first, *others = (self._here.get(trial) for trial in submission.parents)
        if first is not None:
            with suppress(NoSuchTrial):
                session.rebase(first)
        feedback = await session.submit(
            Proposal(
                hypothesis=submission.hypothesis,
                files=recorded.files,
                expected_delta=submission.expected_delta,
                notes=f"replays trial {recorded.trial}",
                merges=tuple(trial for trial in others if trial is not None),
            )
        )
        self._here[recorded.trial] = feedback.trial.id


def recorded_in(run: Reading, *, keeps: bool) -> Iterator[Recorded]:
    """The submissions of a run by number, without its baseline."""
    for number in range(1, run.store.head().next_trial):
        trial = run.store.get(number)
        if not keeps or trial.status in (Status.LEAD, Status.KEEP):
            files = run.code.tree(trial.submission.commit).files()
            yield Recorded(trial=number, submission=trial.submission, files=files)


def _played(path: Path, settings: SettingsBook, *, keeps: bool) -> Iterator[Recorded]:
    with reading(path, settings.environment) as run:
        yield from recorded_in(run, keeps=keeps)


@hookimpl
def autores_agent(settings: SettingsBook) -> Replay:
    """Open the recorded run when its first proposal is asked for."""
    own = settings.of(Settings)
    if not own.path:
        raise UserError("say which run to replay: -o agent.replay.path=runs/NAME")
    return Replay(_played(Path(own.path), settings, keeps=own.keeps))
