"""How long a trial of airbench takes, how noisy its score is, and whom its gate lets through.

    python -m benchmarks.airbench [--parts micro,cpu,noise,noise-cpu,gate,legality] [--json FILE]

Every figure comes from whole evaluations, sandboxes included, of the seed recipe and of the
seed recipe with fewer epochs, in a world that is made for this.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, product
from multiprocessing import get_context
from pathlib import Path

from benchmarks.airbench_shapes import SHAPES
from benchmarks.report import Report, Row

from autores.calibrate import calibration_of
from autores.config import SettingsBook
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import KEY_BYTES, key_name, verify
from autores.evaluator.trees import FileTree
from autores.garbage import uncollected
from autores.plugins import gates
from autores.records import (
    EditSize,
    Evaluation,
    Outcome,
    Purpose,
    Radius,
    Submission,
    Task,
    Violation,
)
from autores.specialists import arch as specialist
from autores.status import Cause
from autores.tasks.airbench import plugin
from autores.workspace.radius import edit_size

PATIENCE = 4
"""Limits are for agents; a machine that is busy with others should still give figures."""
TRIALS = 5
QUADS = {"micro": 12, "cpu": 3}
"""Of A-B-B-A, as many as fit into a few minutes."""
LOOKS = 10
LIMITS = {"micro": 8.0, "cpu": 40.0}
FEWER = {"10 % fewer epochs": 0.9, "20 % fewer epochs": 0.8}
ASKED: Mapping[str, tuple[float | None, float | None]] = {
    "the seed recipe": (0.1, None),
    "10 % fewer epochs": (None, 0.5),
    "20 % fewer epochs": (None, 0.9),
}
"""The share of looks that the gate may stop at most, and should stop at least."""
LONGEST_READING = 1.0
"""Seconds of processor time for the gates, and for the size of an edit."""
ATTEMPTS = 3
"""At a look that this machine failed."""


def seed_recipe(epochs_scale: float = 1.0) -> bytes:
    """The seed recipe, with more or fewer epochs."""
    text = Path(plugin.autores_task("micro").recipe.path, "train.py").read_text()
    shorter = text.replace("\nepochs_scale = 1.0 ", f"\nepochs_scale = {epochs_scale} ")
    if (shorter == text) != (epochs_scale == 1.0):
        raise RuntimeError("the seed recipe has no `epochs_scale = 1.0`")
    return shorter.encode()


@dataclass(slots=True)
class Lab:
    """A world, and looks at recipes in it."""

    profile: str
    folder: Path
    world: str = ""
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.world = plugin.autores_prepare(self.task, self.folder)

    @property
    def task(self) -> Task:
        """In this profile."""
        return plugin.autores_task(self.profile)

    def look(self, source: bytes) -> tuple[Outcome, float]:
        """One evaluation with fresh seeds, and the seconds that it took in all."""
        for _ in range(ATTEMPTS):
            outcome, seconds = self._look(source)
            if outcome.cause is not Cause.HARNESS:
                break
        if outcome.score is None:
            raise RuntimeError(f"{outcome.cause.value}: {outcome.detail}")
        _say(f"{self.profile}: {seconds:.1f} s, score {outcome.score:.3f}, {dict(outcome.counts)}")
        return outcome, seconds

    def _look(self, source: bytes) -> tuple[Outcome, float]:
        number = next(self._numbers)
        tree = FileTree({"train.py": source})
        seeds = tuple(int.from_bytes(os.urandom(4)) for _ in range(self.task.seeds))
        evaluation = Evaluation(
            trial=number,
            ordinal=0,
            purpose=Purpose.FIRST,
            commit="c",
            seeds=seeds,
            world=self.world,
        )
        limits = plugin.autores_budget(self.task)
        request = EvaluationRequest(
            evaluation=evaluation,
            tree=tree.id,
            task=self.task,
            plugin=plugin.__name__,
            limits=replace(limits, wall={phase: PATIENCE * s for phase, s in limits.wall.items()}),
            data_dir=str(self.folder),
            secret=os.urandom(16).hex(),
        )
        key = os.urandom(KEY_BYTES)
        with tempfile.TemporaryDirectory(prefix="autores-bench-") as work:
            bundle = Path(work, "bundle")
            begun = time.monotonic()
            write_bundle(bundle, [request], {"c": {"train.py": source}})
            run_job(read_bundle(bundle), {key_name(evaluation): key}, Path(work))
            seconds = time.monotonic() - begun
            return verify(Path(work, "0.json").read_bytes(), key, evaluation, tree.id), seconds


def whole_trials(lab: Lab) -> list[Row]:
    """Seconds of a trial of the seed recipe: all seeds, all sandboxes."""
    looks = [lab.look(seed_recipe()) for _ in range(TRIALS)]
    scores = [o.score or 0.0 for o, _ in looks]
    rates = [o.metrics["accuracy"] for o, _ in looks]
    return [
        _row(f"{lab.profile}: a trial", [s for _, s in looks], "s", limit=LIMITS[lab.profile]),
        _row(f"{lab.profile}: its score", scores, "s"),
        _row(f"{lab.profile}: accuracy", [100 * r for r in rates], "%"),
        Row(
            name=f"{lab.profile}: sd of accuracy between looks",
            value=100 * statistics.stdev(rates),
            unit="points",
            samples=TRIALS,
        ),
    ]


def noise(lab: Lab) -> list[Row]:
    """The seed recipe against itself, in ABBA order: the spread of the ratios."""
    ratios, scores = [], []
    quads = QUADS[lab.profile]
    for _ in range(quads):
        a, b, c, d = (lab.look(seed_recipe())[0].score or 0.0 for _ in range(4))
        ratios.append((a + d) / (b + c))
        scores += [a, b, c, d]
    return [
        Row(
            name=f"{lab.profile}: sd of ABBA ratios",
            value=100 * statistics.stdev(ratios),
            unit="%",
            baseline=100 * statistics.stdev(scores) / statistics.fmean(scores),
            compared_with="sd of single looks",
            limit=3.0,
            samples=quads,
        )
    ]


def gate(lab: Lab) -> list[Row]:
    """How many looks the calibrated gate stops, of the seed recipe and of shorter ones."""
    looks = lab.task.calibration_looks
    seeds = [lab.look(seed_recipe())[0] for _ in range(looks)]
    (rule,) = lab.task.gates
    threshold = calibration_of(lab.task, seeds, world="", hardware="").thresholds[rule.name]
    recipes = {"the seed recipe": seed_recipe()} | {
        name: seed_recipe(scale) for name, scale in FEWER.items()
    }
    stopped: Mapping[str, list[bool]] = {name: [] for name in recipes}
    for _ in range(LOOKS):  # in turn, so that what drifts hits all alike
        for name, source in recipes.items():
            counts = lab.look(source)[0].counts
            stopped[name].append(rule.shortfall(counts, threshold) > 0)
    return [
        Row(
            name=f"{lab.profile}: looks that the gate stops, {name}",
            value=statistics.fmean(found),
            unit="of 1",
            limit=ASKED[name][0],
            at_least=ASKED[name][1],
            samples=len(found),
        )
        for name, found in stopped.items()
    ]


class Edited(FileTree):
    """A recipe beside the one that it came from."""

    def __init__(self, source: bytes, parent: bytes) -> None:
        super().__init__({"train.py": source})
        self.parent = FileTree({"train.py": parent})

    def size(self, task: Task) -> EditSize:
        """How far the edit goes."""
        return edit_size(self.parent, self, task.recipe)


def turned_around(source: bytes) -> bytes:
    """All lines, the last one first."""
    return b"\n".join(reversed(source.splitlines())) + b"\n"


EDITS: Mapping[str, Callable[[bytes], Edited]] = {
    "of the seed recipe": lambda source: Edited(source, seed_recipe()),
    "turned around": lambda source: Edited(turned_around(source), source),
}
"""What becomes a file of 200 kB, and how."""


def said_of(edited: Edited, task: Task, size: EditSize) -> list[Violation]:
    """What all gates of a submission say of a recipe."""
    (arch,) = specialist.autores_specialists()
    submission = Submission(
        commit="c",
        parents=(0,),
        hypothesis="",
        specialist=arch.key,
        session="s",
        call="1",
        edit=size,
    )
    book = SettingsBook({}, {gates.Settings: "gates"})
    with uncollected():
        return [
            *gates.autores_legality(task, submission, edited, arch, book),
            *plugin.autores_legality(task, submission, edited),
        ]


def _read_by_gates(edited: Edited, task: Task) -> None:
    said_of(edited, task, EditSize(radius=Radius.STRUCTURAL))


def _sized(edited: Edited, task: Task) -> None:
    edited.size(task)


READERS: Mapping[str, Callable[[Edited, Task], None]] = {
    "all gates": _read_by_gates,
    "size of the edit": _sized,
}


def reading_seconds(reader: str, edit: str, shape: str) -> float:
    """Processor time of one reading; called in a new process, nothing is remembered there."""
    task = plugin.autores_task("micro")
    edited = EDITS[edit](SHAPES[shape])
    begun = time.process_time()
    READERS[reader](edited, task)
    return time.process_time() - begun


def legality(lab: Lab) -> list[Row]:
    """Processor time of the gates, and of measuring the edit, for files that are hard to read."""
    rows = []
    with get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        for reader, edit in product(READERS, EDITS):
            cases = [(reader, edit, shape) for shape in SHAPES]
            seconds = processes.starmap(reading_seconds, cases, chunksize=1)
            rows.append(_slowest(f"{reader}, {edit}", dict(zip(SHAPES, seconds, strict=True))))
    return rows


def _slowest(what: str, seconds: Mapping[str, float]) -> Row:
    name = max(seconds, key=seconds.__getitem__)
    for shape, took in seconds.items():
        _say(f"{what}: {shape}: {took:.2f} s")
    return Row(
        name=f"{what}, slowest of {len(seconds)} files of 200 kB: {name}",
        value=seconds[name],
        unit="s",
        limit=LONGEST_READING,
        samples=len(seconds),
    )


PARTS: Mapping[str, tuple[str, Callable[[Lab], list[Row]]]] = {
    "micro": ("micro", whole_trials),
    "cpu": ("cpu", whole_trials),
    "noise": ("micro", noise),
    "noise-cpu": ("cpu", noise),
    "gate": ("cpu", gate),
    "legality": ("micro", legality),
}


def run(parts: tuple[str, ...] = tuple(PARTS)) -> Report:
    """Measure some parts, in worlds of their own; all of them take about half an hour."""
    rows: list[Row] = []
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="autores-bench-data-") as folder:
        labs = {name: Lab(name, Path(folder)) for name in {PARTS[part][0] for part in parts}}
        for part in parts:
            profile, measure = PARTS[part]
            rows += measure(labs[profile])
    return Report(
        title="airbench: trials, noise and gate",
        rows=rows,
        notes=(f"load of the machine: {busy:.1f} at first, {os.getloadavg()[0]:.1f} in the end",),
    )


def _row(name: str, values: list[float], unit: str, limit: float | None = None) -> Row:
    median = statistics.median(values)
    return Row(name=name, value=median, unit=unit, limit=limit, samples=len(values))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, and leave the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.airbench", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    report = run(tuple(options.parts.split(",")))
    print(report.render())
    if options.json:
        options.json.write_text(report.to_json() + "\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
