"""How fast is the whole loop, and how soon is a run of 100,000 trials taken up again?"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.lineage import BATCH, Life
from benchmarks.report import Report, Row, median_seconds

from autores.calibrate import calibration_of
from autores.config import Environment, gather
from autores.events import Accepted, Body, Calibrated, Created
from autores.manager import PluginManager
from autores.opening import begin
from autores.plugins.stores.sqlite import SqliteStore
from autores.secret import NAME, RunSecret
from autores.testing.inline import HARDWARE
from autores.testing.playing import TOY, play
from autores.workspace.repository import CodeRepository

TRIALS, SESSIONS, ROUNDS = 400, 8, 3
MANY = 100_000
NOTE_ON_LOOP = (
    f"The loop: toy task, inline; scripted agent, policy strict, {SESSIONS} sessions, {TRIALS} "
    "trials, each committed, gated in the worker, and written durably; 6.67 ms are 150 trials/s."
)
NOTE_ON_RESUMPTION = (
    f"Resumption: `autores resume` of a run of {MANY:,} trials whose budget is used up, from "
    "the command to its end, Python's start and the gates' worker included."
)
QUIET = {"reporter.plain.quiet": "on"}


def run() -> Report:
    """Measure."""
    return Report(
        title="The loop",
        rows=(*_help(), _throughput(), *_resumption()),
        notes=(NOTE_ON_LOOP, NOTE_ON_RESUMPTION),
    )


def _help() -> list[Row]:
    def seconds(*arguments: str) -> float:
        command = [sys.executable, *arguments]
        return median_seconds(lambda: subprocess.run(command, capture_output=True, check=True), 10)

    return [
        Row(
            name="autores --help",
            value=seconds("-m", "autores", "--help"),
            unit="s",
            baseline=seconds("-c", "pass"),
            compared_with="python -c pass",
            limit=0.15,
            samples=10,
        )
    ]


def _throughput() -> Row:
    times = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            begun = play(Path(folder), sessions=SESSIONS, max_trials=1, reporter="plain", of=QUIET)
            times.append(_loop_seconds(begun.root))
    return Row(
        name="one trial of the whole loop",
        value=1000 * statistics.median(times) / TRIALS,
        unit="ms",
        limit=1000 / 150,
        samples=ROUNDS * TRIALS,
    )


def _loop_seconds(root: Path) -> float:
    """From the first acceptance to the last decision of so many further trials."""
    command = ("resume", str(root), "--max-trials", str(TRIALS + 1), "-o", "sessions=8")
    _autores(root, *command)
    store = SqliteStore(root / "lineage.db")
    times = [
        event.at
        for begin_ in range(0, store.head().seq, 1000)
        for event in store.since(begin_)
        if isinstance(event.body, Accepted) and event.body.trial > 1
    ]
    end = store.get(TRIALS + 1).finished_at
    store.close()
    assert end is not None
    return max(end, times[-1]) - times[0]


def _autores(root: Path, *arguments: str) -> str:
    data = f"AUTORES_DATA={root.parent / 'data'}"
    timed = ("/usr/bin/time", "-v") if Path("/usr/bin/time").exists() else ()
    command = ["env", data, *timed, sys.executable, "-m", "autores", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr


def _resumption() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = _grown(Path(folder))
        arguments = ("resume", str(root), "--max-trials", "1")
        _autores(root, *arguments)  # what is left to be mended is mended once
        begun = time.perf_counter()
        said = _autores(root, *arguments)
        seconds = time.perf_counter() - begun
    found = re.search(r"Maximum resident set size \(kbytes\): (\d+)", said)
    rows = [Row(name=f"resume {MANY:,} trials", value=seconds, unit="s", limit=0.5)]
    if found:
        mebibytes = int(found[1]) / 1024
        rows.append(Row(name="its resident memory", value=mebibytes, unit="MiB", limit=150))
    return rows


def _grown(folder: Path) -> Path:
    """A run of the toy task with many trials, all of one commit."""
    environment = replace(Environment(), data_dir=folder / "data", cache_dir=folder / "cache")
    options = {**TOY, "out": folder, "name": "run", "max_trials": 1}
    settings = gather(file=None, environment=environment, options=options)
    place, loaded = begin(settings, PluginManager())
    code = CodeRepository.open(place.code)
    commit = code.seed(Path(loaded.task.recipe.path))
    store = SqliteStore(place.lineage)
    created = Created(direction=loaded.task.metric.direction, task="toy", profile="default")
    store.append(lambda head: [created], secrets={NAME: RunSecret.draw().value})
    life = Life(1)
    for first in range(0, MANY, BATCH):
        bodies = [
            _of(commit, body)
            for trial in range(first, first + BATCH)
            for body in (*life.begin(trial), *life.end(trial))
        ]
        store.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]
    world = loaded.world(environment.data_dir)
    calibration = calibration_of(loaded.task, (), world=world, hardware=HARDWARE)
    store.append(lambda head: [Calibrated(calibration=replace(calibration, feasible=True))])
    store.close()
    code.mend([(trial, commit) for trial in range(MANY)])
    return place.root


def _of(commit: str, body: Body) -> Body:
    if not isinstance(body, Accepted):
        return body
    return replace(body, submission=replace(body.submission, commit=commit))
