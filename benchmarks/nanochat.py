"""How long a trial of nanochat takes, what the seed recipe learns, and how noisy CORE is.

    python -m benchmarks.nanochat [--parts micro,cpu,untrained,pairs,speed] [--json FILE]

`micro` and `cpu` are whole evaluations, sandboxes included. `untrained` and `pairs` ask nets in
this process: new ones, and two that were trained alike with different seeds. `speed` times
steps with windows and without, at depth 12 where there is a GPU, else in profile `cpu`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from types import ModuleType
from typing import Any

import numpy as np
from benchmarks.report import Report, Row

from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import KEY_BYTES, key_name, verify
from autores.evaluator.trees import FileTree
from autores.hardware import usable_cpus
from autores.records import Evaluation, Outcome, Purpose
from autores.tasks.nanochat import data, plugin, tools
from autores.tasks.nanochat.core_metric import Mark, core, core_error, paired_error, unpaired_error
from autores.tasks.nanochat.estimate import SEED
from autores.tasks.nanochat.evaluate import Exam, set_exam
from autores.tasks.nanochat.profiles import Profile, profile_named
from autores.tasks.nanochat.questioner import Questioner

PATIENCE = 6
"""Limits are for agents; a machine that is busy with others should still give figures."""
TRIAL_LIMITS = {"micro": 10.0, "cpu": 120.0}
LEAST_CORE = {"cpu": 0.20}
LEAST_LEARNED = {"cpu": 4}
"""Tasks that are clearly above chance."""
LOOKS = 3
"""Trials of each profile."""
NETS = 3
STEPS = 4
PEAK_FLOPS = 989e12
"""Of an H100 in bfloat16, dense, as its maker says."""


class Lab:
    """One world in one profile."""

    def __init__(self, profile: str, folder: Path) -> None:
        self.profile, self.folder = profile_named(profile), folder
        self.task = plugin.autores_task(profile)
        self.world = plugin.autores_prepare(self.task, folder)
        self.files = {path.name: path.read_bytes() for path in sorted(SEED.glob("*.py"))}

    @property
    def exam(self) -> Exam:
        """The questions of the evaluation split."""
        return set_exam(data.open_prepared(self.profile, self.folder), "evaluation")

    def look(self, cpus: tuple[int, ...]) -> tuple[Outcome, float]:
        """One evaluation of the seed recipe with a fresh seed, and its seconds in all."""
        tree, key = FileTree(self.files), os.urandom(KEY_BYTES)
        evaluation = Evaluation(
            trial=0,
            ordinal=0,
            purpose=Purpose.FIRST,
            commit="c",
            seeds=(int.from_bytes(os.urandom(4)),),
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
            cpus=cpus,
        )
        with tempfile.TemporaryDirectory(prefix="autores-bench-") as work:
            begun = time.monotonic()
            write_bundle(Path(work, "bundle"), [request], {"c": self.files})
            run_job(read_bundle(Path(work, "bundle")), {key_name(evaluation): key}, Path(work))
            seconds = time.monotonic() - begun
            outcome = verify(Path(work, "0.json").read_bytes(), key, evaluation, tree.id)
        if outcome.score is None:
            raise RuntimeError(f"{outcome.cause.value}: {outcome.detail}")
        return outcome, seconds


def whole_trial(profile: str, folder: Path, cpus: tuple[int, ...] = ()) -> Iterator[Row]:
    """Trials of the seed recipe with fresh seeds: seconds, CORE, and how it is made up."""
    lab = Lab(profile, folder)
    looks = [lab.look(cpus) for _ in range(LOOKS)]
    outcomes = [outcome for outcome, _ in looks]
    figure = partial(_figure, profile)

    def over(name: str, of: Callable[[Outcome], float], **more: Any) -> Row:
        return figure(name, fmean(map(of, outcomes)), **more)

    def metric(key: str) -> Callable[[Outcome], float]:
        return lambda outcome: outcome.metrics[key]

    walls = {} if cpus else {"trial": TRIAL_LIMITS[profile], **lab.profile.wall}
    yield figure("a trial", fmean(seconds for _, seconds in looks), "s", limit=walls.get("trial"))
    yield over("processor time of its phases", _processor_seconds, unit="s")
    yield over("training", metric("training"), unit="s", limit=walls.get("train"))
    yield over("answering", metric("inference"), unit="s", limit=walls.get("inference"))
    scores = [outcome.metrics["core"] for outcome in outcomes]
    yield figure("CORE", fmean(scores), baseline=LEAST_CORE.get(profile), versus="asked: at least")
    yield figure("spread of CORE from seed to seed", stdev(scores))
    yield over("binomial error of CORE", metric("core_error"))
    yield over("bits per byte", metric("bpb"))
    yield figure("tasks", len(lab.exam.papers))
    yield over("items of each", lambda o: o.counts["asked"] / len(lab.exam.papers))
    yield figure("best accuracy of a task", max(map(_best, outcomes)), limit=0.95)
    clear = min(_clear(lab.exam, outcome.metrics) for outcome in outcomes)
    yield figure(
        "tasks over 3 errors above chance",
        clear,
        baseline=LEAST_LEARNED.get(profile),
        versus="asked: at least",
    )


def _processor_seconds(outcome: Outcome) -> float:
    return sum(measurement.cpu for measurement in outcome.measurements)


def _best(outcome: Outcome) -> float:
    return max(share for name, share in outcome.metrics.items() if name.startswith("accuracy_"))


def _clear(exam: Exam, metrics: Mapping[str, float]) -> int:
    """Tasks whose accuracy is more than three standard errors above chance."""
    found = 0
    for paper in exam.papers:
        share, count = metrics[f"accuracy_{paper.label}"], len(paper.questions)
        error = (share * (1 - share) / count) ** 0.5
        found += share - paper.chance / 100 > 3 * error
    return found


def untrained(folder: Path) -> Iterator[Row]:
    """CORE of nets that have learned nothing."""
    import torch

    lab = Lab("cpu", folder)
    with seed_recipe() as recipe:
        for seed in range(NETS):
            torch.manual_seed(seed)
            marks = marks_of(lab, new_net(lab.profile, recipe), recipe["serve"])
            errors = abs(core(marks)) / core_error(marks)
            yield _figure("cpu", f"|CORE| of untrained net {seed}", errors, "errors", limit=2.0)


def pairs(folder: Path) -> Iterator[Row]:
    """What it helps to ask two models the same items."""
    import torch

    lab = Lab("micro", folder)
    data.stage(data.open_prepared(lab.profile, folder), folder / "staged")
    marks = []
    with seed_recipe() as recipe:
        for seed in range(2):
            torch.manual_seed(seed)
            net = new_net(lab.profile, recipe)
            horizon = recipe["schedule"].Horizon.of(lab.task.sizes, net.scaling_parameters())
            device = torch.device("cpu")
            stream = recipe["data"].batches(folder / "staged", lab.task.sizes, device, 0, 1)
            recipe["train"].train(net, net, stream, horizon, horizon.steps, 1, 1)
            marks.append(marks_of(lab, net, recipe["serve"]))
    same, apart = paired_error(*marks), unpaired_error(*marks)
    yield _figure(
        "micro",
        "error of the difference of two models, same items",
        same,
        baseline=apart,
        versus="other items for each",
    )
    yield _figure(
        "micro", "variance that the same items take away", 100 * (1 - (same / apart) ** 2), "%"
    )


def speed(folder: Path) -> Iterator[Row]:
    """Steps of the seed recipe with windows, and with whole attention."""
    profile = profile_named("gpu" if os.path.exists("/dev/nvidiactl") else "cpu")
    for name, pattern in (("windows", "SSSL"), ("whole attention", "L")):
        code = folder / pattern
        code.mkdir()
        for path in SEED.glob("*.py"):
            text = path.read_text().replace('pattern = "SSSL"', f'pattern = "{pattern}"')
            (code / path.name).write_text(text)
        found = _probe(code, profile)
        tokens = found["tokens_per_second"]
        yield _figure(profile.name, f"{name}, tokens per second", tokens, "/s")
        yield _figure(profile.name, f"{name}, memory", found["peak_memory_bytes"] / 2**30, "GiB")
        if profile.gpus:
            flops = _flops_per_token(profile, short=pattern != "L")
            used = 100 * tokens * flops / PEAK_FLOPS
            yield _figure(profile.name, f"{name}, model FLOPs utilisation", used, "%")


def _probe(code: Path, profile: Profile) -> Mapping[str, float]:
    (code / "harness.py").write_text("")
    (code / tools.PROBE).write_bytes(Path(tools.__file__).with_name("probe.py").read_bytes())
    command = [sys.executable, tools.PROBE, json.dumps(dict(profile.sizes)), str(STEPS)]
    done = subprocess.run(command, cwd=code, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _flops_per_token(profile: Profile, *, short: bool) -> float:
    """Six for each parameter that multiplies, and attention within its windows."""
    sizes = profile.sizes
    length, depth = sizes["sequence"], sizes["depth"]
    windows = [
        length // 4 if short and i % 4 != 3 and i < depth - 1 else length for i in range(depth)
    ]
    return float(6 * sizes["reference_scaling"] + 12 * sizes["width"] * sum(windows) / 2)


# ------------------------------------------------------------------------ in this process


@contextmanager
def seed_recipe() -> Iterator[dict[str, Any]]:
    """The recipe's modules, by name, with nobody to talk to."""
    names = ("kernels", "model", "schedule", "data", "serve", "train")
    silent = ModuleType("harness")
    silent.log = lambda step, **values: None  # type: ignore[attr-defined]
    sys.modules["harness"] = silent
    sys.path.insert(0, str(SEED))
    try:
        yield {name: __import__(name) for name in names}
    finally:
        sys.path.remove(str(SEED))
        for name in (*names, "optim", "harness"):
            sys.modules.pop(name, None)


def new_net(profile: Profile, recipe: Mapping[str, Any]) -> Any:
    """A net at its beginning."""
    net = recipe["model"].Model(recipe["model"].Shape.of(profile.sizes))
    net.reset()
    return net


def marks_of(lab: Lab, net: Any, serve: Any) -> list[Mark]:
    """What a net answers to all questions."""
    import torch

    class Here:
        def ask(self, *question: Any, shape: tuple[int, ...]) -> Any:
            return serve.answer(net, torch.device("cpu"), *question)

    exam = lab.exam
    asking = Questioner(
        candidate=Here(),
        vocabulary=lab.profile.sizes["vocabulary"],
        padding=exam.padding,
        most_tokens=lab.profile.question_tokens,
        most_bytes=lab.profile.question_bytes,
        random=np.random.default_rng(0),
    )
    return [asking.mark(paper) for paper in exam.papers]


PARTS: Mapping[str, Callable[..., Iterator[Row]]] = {
    "micro": partial(whole_trial, "micro"),
    "cpu": partial(whole_trial, "cpu"),
    "untrained": untrained,
    "pairs": pairs,
    "speed": speed,
}


def run(parts: tuple[str, ...] = tuple(PARTS), *, alone: bool = True) -> Report:
    """Measure some parts, in worlds of their own.

    Args:
        parts: Of `PARTS`.
        alone: Whether the machine is free; where it is not, several threads only wait for
            each other, and whole trials run on one processor.
    """
    rows: list[Row] = []
    busy = os.getloadavg()[0]
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="autores-bench-data-") as folder:
            Path(folder).chmod(0o755)
            measure = PARTS[part]
            if part in TRIAL_LIMITS and not alone:
                measure = partial(measure, cpus=usable_cpus()[-1:])
            for row in measure(Path(folder)):
                rows.append(row)
                print(row.name, row.value, file=sys.stderr, flush=True)
    return Report(
        title="nanochat: trials, and what CORE can tell",
        rows=rows,
        notes=(
            f"load of the machine: {busy:.1f} at first, {os.getloadavg()[0]:.1f} in the end",
            *(
                ()
                if alone
                else ("whole trials ran on one processor, beside other work: no limit on seconds",)
            ),
        ),
    )


def _figure(
    profile: str,
    name: str,
    value: float,
    unit: str = "",
    *,
    limit: float | None = None,
    baseline: float | None = None,
    versus: str = "",
) -> Row:
    return Row(
        name=f"{profile}: {name}",
        value=value,
        unit=unit,
        limit=limit,
        baseline=baseline,
        compared_with="" if baseline is None else versus,
    )


def main() -> int:
    """Measure, print, and leave the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nanochat", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="some of: %(default)s")
    parser.add_argument("--busy", action="store_true", help="the machine has other work too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    report = run(tuple(options.parts.split(",")), alone=not options.busy)
    print(report.render())
    if options.json:
        options.json.write_text(report.to_json() + "\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
