"""What does `kill -9` lose? 200 runs of the toy task, each killed at a moment of its own."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.report import Report, Row

from autores.testing.faults import LONGEST_LIFE, TRIALS, Killed, kill_and_resume

RUNS = 200


def run() -> Report:
    """Kill, resume, audit."""
    killed = [_killed(seed) for seed in range(RUNS)]
    return Report(
        title=f"{RUNS} runs of {TRIALS} trials, killed within {LONGEST_LIFE:g} s and resumed",
        rows=(
            _row("finished trials that were missing", [len(k.missing) for k in killed]),
            _row("objections of the audits", [len(k.findings) for k in killed]),
            _row("resumptions that did not end well", [int(k.code != 0) for k in killed]),
            _row("trials short of the budget", [TRIALS - len(k.after) for k in killed]),
            Row(
                name="trials that were finished at the kill, median",
                value=statistics.median(len(k.before) for k in killed),
                unit="",
                samples=RUNS,
            ),
        ),
        notes=("An audit recomputes trials, best and chain from the events; git fsck too.",),
    )


def _killed(seed: int) -> Killed:
    with tempfile.TemporaryDirectory() as folder:
        return kill_and_resume(Path(folder), seed)


def _row(name: str, counts: list[int]) -> Row:
    return Row(name=name, value=sum(counts), unit="", limit=0, samples=RUNS)
