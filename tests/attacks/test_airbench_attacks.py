"""Attacks on a task whose score is time: airbench, in its smallest profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from attack_ground import Ground
from attack_table import KINDS, Table

from autores.evaluator.request import EvaluationRequest
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.tasks.airbench import plugin

COMMON = """
import harness, numpy as np, time

def spend(seconds):
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + seconds
    while time.clock_gettime(time.CLOCK_MONOTONIC) < until: pass

def one_class(images):
    return np.eye(10)[np.zeros(len(images), int)]

print("val_accuracy: 0.99  time_seconds: 0.001")
job = harness.job()
"""
AT_ONCE = """
if job.phase == "infer":
    harness.ready(); harness.serve(one_class)
else:
    harness.ready(); harness.done(b"x")
"""
SAVE_ALL = """
go = harness.ready()
harness.done(np.load(job.data + "/train_images.npy").tobytes())
"""
LEARN_LATER = """
if job.phase == "infer":
    known = np.frombuffer(job.artifact, np.uint8).reshape(-1, 3072).astype(np.float32)
    harness.ready()
    def nearest(images):
        spend(0.3)
        found = images.reshape(len(images), -1).astype(np.float32)
        near = ((found[:, None, ::64] - known[None, :, ::64]) ** 2).sum(2).argmin(1)
        return np.eye(10)[near % 10]
    harness.serve(nearest)
else:
    go = harness.ready()
    images = np.load(job.data + "/train_images.npy")
    labels = np.load(job.data + "/train_labels.npy")
    harness.done(b"".join(images[labels == c][:2][k].tobytes() for k in (0, 1) for c in range(10)))
"""
PATCH_TIME = """
if job.phase == "infer":
    harness.ready(); harness.serve(one_class)
else:
    harness.ready(); spend(0.5)
    time.time = time.monotonic = time.perf_counter = lambda: 0.0
    harness.log(1, seconds=0.0); harness.done(b"x")
"""
PREPARE_LONG = """
if job.phase == "infer":
    harness.ready(); harness.serve(one_class)
else:
    spend(1.2); harness.ready(); harness.done(b"x")
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    source: str
    cause: Cause = Cause.VALID
    seconds: float = 0.0
    """What the score must at least be."""
    threshold: str = "0.01"


CASES = {
    "answer at once, knowing nothing": Case(source=AT_ONCE, cause=Cause.GATE, threshold="0.5"),
    "hand in all training images": Case(source=SAVE_ALL, cause=Cause.ARTIFACT_BYTES),
    "learn from saved images while answering": Case(source=LEARN_LATER, seconds=0.6),
    "patch the clocks": Case(source=PATCH_TIME, seconds=0.5),
    "train while preparing": Case(source=PREPARE_LONG, seconds=0.8),
}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    plugin.autores_prepare(plugin.autores_task("micro"), folder)
    return folder


def evaluate(ground: Ground, case: Case, data: Path) -> Outcome:
    task = replace(plugin.autores_task("micro"), distributions=("numpy",))
    references = {"train_prepare_seconds": 0.3, "inference_prepare_seconds": 0.3}
    calibration = Calibration(
        task="airbench",
        profile="micro",
        thresholds={"accuracy": case.threshold},
        references=references,
    )
    tree = FileTree({"train.py": (COMMON + case.source).encode()})
    request = EvaluationRequest(
        evaluation=Evaluation(trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(7,)),
        tree=tree.id,
        task=task,
        plugin="autores.tasks.airbench.plugin",
        limits=plugin.autores_budget(task),
        data_dir=str(data),
        secret="5e" * 16,
        calibration=calibration,
    )
    return ground.in_an_arena(request, tree)


LEVELS = [pytest.param(level, marks=[pytest.mark.slow] * (level != "none")) for level in KINDS]


@pytest.mark.parametrize("ground", LEVELS, indirect=True)
@pytest.mark.parametrize("name", CASES)
def test_time_is_the_evaluators(
    name: str, ground: Ground, data: Path, table: Table, request: pytest.FixtureRequest
) -> None:
    case, outcome = CASES[name], evaluate(ground, CASES[name], data)
    level = request.node.callspec.params["ground"]
    held = outcome.cause is case.cause and (outcome.score or case.seconds) >= case.seconds
    result = f"stopped: {outcome.cause.value}" if outcome.score is None else "time is in the score"
    table.add_at("airbench", name, level, result if held else "GOT THROUGH", outcome.detail)
    assert held, f"{outcome.cause.value}, {outcome.score}: {outcome.detail}"
