"""How fast is the whole loop, and how soon is a run of 100,000 trials taken up again?"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.lineage import BATCH, Life
from benchmarks.report import Report, Row, median_seconds

from autores.baseline import ensure_baseline
from autores.calibrate import calibration_of
from autores.config import Environment, gather
from autores.events import Accepted, Body, Calibrated, Created
from autores.manager import PluginManager
from autores.opening import begin, opened, take_up
from autores.plugins.stores.sqlite import SqliteStore
from autores.secret import NAME, RunSecret
from autores.supervise import recover
from autores.testing.inline import HARDWARE
from autores.testing.runs import TOY, play
from autores.workspace.repository import CodeRepository

TRIALS, SESSIONS, ROUNDS = 2_000, 8, 3
MANY = 100_000
NOTE_ON_LOOP = (
    f"The loop: toy task, inline; scripted agent, policy strict, {SESSIONS} sessions, {TRIALS:,} "
    "trials, each committed, gated in the worker, and written durably; 6.67 ms are 150 trials/s. "
    "On an ext4 without a journal every file that is made waits for the kernel to step over the "
    "inodes of all that were deleted within the last one to six minutes: delete nothing before."
)
NOTE_ON_RESUMPTION = (
    f"Resumption of a run of {MANY:,} trials: plugins, store, code, executor and the gates' "
    "worker, until the first session could begin; without the start of Python and its imports."
)
QUIET = {"reporter__plain__quiet": "on"}


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
    with ExitStack() as kept:  # to the end: see the note
        for _ in range(ROUNDS):
            folder = Path(kept.enter_context(tempfile.TemporaryDirectory()))
            begun = play(folder, sessions=SESSIONS, max_trials=1, reporter="plain", **QUIET)
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


def _autores(root: Path, *arguments: str) -> None:
    data = f"AUTORES_DATA={root.parent / 'data'}"
    command = ["env", data, sys.executable, "-m", "autores", *arguments]
    subprocess.run(command, capture_output=True, check=True)


def _resumption() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = _grown(Path(folder))
        found = [_taken_up(root) for _ in range(ROUNDS)]
    seconds, mebibytes = (statistics.median(column) for column in zip(*found, strict=True))
    return [
        Row(name=f"resume {MANY:,} trials", value=seconds, unit="s", limit=0.5, samples=ROUNDS),
        Row(name="its resident memory", value=mebibytes, unit="MiB", limit=150, samples=ROUNDS),
    ]


def _taken_up(root: Path) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.loop", str(root)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seconds, mebibytes = map(float, said.split())
    return seconds, mebibytes


async def _take_up(root: Path) -> None:
    """Until the first session could begin, in this process; prints seconds and MiB."""
    environment = replace(Environment(), data_dir=root.parent / "data")
    settings = gather(file=None, environment=environment, options={})
    begun = time.perf_counter()
    folder, loaded = take_up(root, settings, PluginManager(), accept_changes=False)
    async with opened(folder, loaded) as found:
        await recover(found.run)
        await ensure_baseline(found.run)
        seconds = time.perf_counter() - begun
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _grown(folder: Path) -> Path:
    """A run of the toy task with many trials, all of one commit."""
    environment = replace(Environment(), data_dir=folder / "data", cache_dir=folder / "cache")
    options = {**TOY, "arm": "generalist", "out": folder, "name": "run", "max_trials": 1}
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


if __name__ == "__main__":
    asyncio.run(_take_up(Path(sys.argv[1])))
