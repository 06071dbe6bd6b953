"""Kill a supervisor at a random moment, resume, and see that nothing is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autores.config import Environment
from autores.lineage.audit import audit
from autores.lineage.store import Query
from autores.reading import reading
from autores.records import Trial
from autores.status import Status

TRIALS = 200
"""So many that a run is still at work when it is killed."""
ARGUMENTS = (
    *("--task", "toy", "--executor", "inline", "--agent", "scripted", "--arm", "generalist"),
    *("--max-trials", str(TRIALS), "--sessions", "3", "--seed", "1"),
)
LONGEST_LIFE = 2.5
"""Seconds within which a run is killed after it has begun."""
PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What was seen of a run that was killed, and of its resumption."""

    lived: float
    reported: frozenset[int]
    """Trials that the run had said were finished."""
    before: Mapping[int, Trial]
    """Finished trials that the store had right after the kill."""
    after: Mapping[int, Trial]
    findings: tuple[str, ...]
    """What an audit with recomputation and `git fsck` objects to, in the end."""
    code: int
    """Exit code of the resumption."""

    @property
    def missing(self) -> list[int]:
        """Finished trials that are gone, or not what they were."""
        changed = (t for t, trial in self.before.items() if not _holds(trial, self.after.get(t)))
        return sorted({*changed, *(self.reported - self.after.keys())})


def _holds(before: Trial, after: Trial | None) -> bool:
    """A lead or keep may be measured and decided on again; all else stands as it was."""
    if after is None or before.status not in (Status.LEAD, Status.KEEP):
        return before == after
    return (before.submission, before.first_score, before.finished_at) == (
        after.submission,
        after.first_score,
        after.finished_at,
    )


def kill_and_resume(folder: Path, seed: int, *, extra: Sequence[str] = ()) -> Killed:
    """Run the toy task in a folder, kill it, resume it, and read what is left.

    Args:
        folder: Empty; the run and its data go here.
        seed: Chooses the moment.
        extra: Further arguments of `autores run`.
    """
    data = folder / "data"
    run = folder / "run"
    command = (*ARGUMENTS, "--out", str(folder), "--name", "run", *extra)
    lived = random.Random(seed).uniform(0.0, LONGEST_LIFE)
    reported = _run_and_kill(command, lived, data)
    before = _finished(run)
    resumed = _started(("resume", str(run)), data)
    said, _ = resumed.communicate(timeout=PATIENCE)
    with reading(run, Environment()) as found:
        findings = tuple(map(str, audit(found.store, found.code)))
    return Killed(
        lived=lived,
        reported=reported,
        before=before,
        after=_finished(run),
        findings=findings if resumed.returncode == 0 else (*findings, said),
        code=resumed.returncode,
    )


def _run_and_kill(command: Sequence[str], lived: float, data: Path) -> frozenset[int]:
    process = _started(("run", *command), data)
    assert process.stdout is not None
    said: list[str] = []
    while not said or not said[-1].startswith("run "):
        said.append(process.stdout.readline())
        if not said[-1]:
            raise RuntimeError(f"the run did not begin: {''.join(said)}")
    time.sleep(lived)
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=PATIENCE)
    words = (line.split() for line in rest.splitlines())
    # Glyph, number and specialist: a line on a trial that has ended.
    return frozenset(int(w[1]) for w in words if len(w) > 3 and w[1].isdecimal() and len(w[0]) == 1)


def _started(arguments: Sequence[str], data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["env", f"AUTORES_DATA={data}", sys.executable, "-m", "autores", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finished(run: Path) -> dict[int, Trial]:
    with reading(run, Environment()) as found:
        return {t.id: t for t in found.store.query(Query()) if t.finished and t.id}
