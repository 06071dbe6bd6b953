"""Real evaluations of the micro profile, end to end: a bundle in, a signed outcome out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autores.evaluator.arena import Arena
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Level, SandboxUnavailable, choose
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.tasks.nanochat import data, estimate, plugin
from autores.tasks.nanochat import evaluate as evaluation_code
from autores.tasks.nanochat.core_metric import centred
from autores.tasks.nanochat.profiles import profile_named

for needed in ("torch", "tokenizers", "pyarrow", "yaml"):
    pytest.importorskip(needed)

SEED = {p.name: p.read_bytes() for p in sorted(estimate.SEED.glob("*.py"))}
FLAT = b"""
import harness
import numpy as np
job = harness.job()
harness.ready()
if job.phase == "infer":
    def predict(tokens, rows, columns):
        print("CORE metric: 1.0")
        return ANSWER
    harness.serve(predict)
else:
    harness.log(1, core=1.0)
    harness.done(b"x")
"""
"""Knows nothing: quick."""
ZEROS = 'np.zeros((len(rows), job.sizes["vocabulary"]), np.float32)'


@pytest.fixture(scope="module")
def full() -> None:
    try:
        choose(Level.FULL).close()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> data.Prepared:
    folder = tmp_path_factory.mktemp("data")
    assert plugin.autores_prepare(plugin.autores_task("micro"), folder) != ""
    return data.open_prepared(profile_named("micro"), folder)


Evaluate = Callable[..., Outcome]


def _request(prepared: data.Prepared, tree: FileTree, **changes: Any) -> EvaluationRequest:
    """A look at a tree on one processor: two threads crawl beside other work."""
    task = plugin.autores_task("micro")
    evaluation = Evaluation(
        trial=3,
        ordinal=0,
        purpose=changes.pop("purpose", Purpose.FIRST),
        commit="c",
        seeds=(11,),
        world=prepared.world,
    )
    limits = plugin.autores_budget(task)
    wall = {name: 4 * seconds for name, seconds in limits.wall.items()}  # beside other work
    request = EvaluationRequest(
        evaluation=evaluation,
        tree=tree.id,
        task=task,
        plugin="autores.tasks.nanochat.plugin",
        limits=replace(limits, wall=wall),
        data_dir=str(prepared.folder.parents[1]),
        secret="ab" * 16,
        min_level="full",
        cpus=(min(os.sched_getaffinity(0)),),
    )
    return replace(request, **changes)


@pytest.fixture
def evaluate(full: None, prepared: data.Prepared, tmp_path: Path) -> Evaluate:
    def run(files: Mapping[str, bytes], **changes: Any) -> Outcome:
        tree = FileTree(files)
        request = _request(prepared, tree, **changes)
        write_bundle(tmp_path / "bundle", [request], {"c": dict(files)})
        key = os.urandom(32)
        run_job(read_bundle(tmp_path / "bundle"), {key_name(request.evaluation): key}, tmp_path)
        return verify((tmp_path / "0.json").read_bytes(), key, request.evaluation, tree.id)

    return run


def _flat(answer: str = ZEROS) -> dict[str, bytes]:
    return {"train.py": FLAT.replace(b"ANSWER", answer.encode())}


@pytest.mark.full
@pytest.mark.slow
def test_the_seed_recipe_learns_and_is_audited(evaluate: Evaluate) -> None:
    outcome = evaluate(SEED, purpose=Purpose.CONFIRM)
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.counts["asked"] == 12 * 120
    metrics = outcome.metrics
    accuracy = metrics["accuracy_pronouns"]
    assert metrics["centred_pronouns"] == pytest.approx(centred(accuracy, 50))
    assert (metrics["bpb_audited"], metrics["bpb_moved"]) == (28, 0)
    assert 0.4 < metrics["bpb"] < 1.2  # 3.7 before training
    assert metrics["core"] > 3 * metrics["core_error"]
    (sample,) = outcome.samples
    assert sample.items["pronouns"].count("1") == round(120 * accuracy)
    assert {len(told) for told in sample.items.values()} == {120}
    train = next(m for m in outcome.measurements if m.phase == "train")
    assert train.points[-1].values["loss"] < train.points[0].values["loss"]


@pytest.mark.full
@pytest.mark.slow
def test_several_ranks_train_one_net(
    full: None, prepared: data.Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = replace(prepared.profile, gpus=2)
    monkeypatch.setattr(evaluation_code, "profile_named", lambda name: two)
    tree = FileTree(SEED)
    request = _request(prepared, tree)
    sizes = {**request.task.sizes, "reference_batch": 512}  # a pass of each rank
    request = replace(request, task=replace(request.task, sizes=sizes))
    tmp_path.chmod(0o755)
    with Arena(request, tree, work=tmp_path) as arena:
        outcome = evaluation_code.evaluate(arena, tree)
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.metrics["core"] > 2 * outcome.metrics["core_error"]
    train = next(m for m in outcome.measurements if m.phase == "train")
    assert train.points[-1].values["loss"] < train.points[0].values["loss"] / 2


@pytest.mark.full
def test_who_knows_nothing_scores_nothing_whatever_it_says(evaluate: Evaluate) -> None:
    outcome = evaluate(_flat())
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.score == pytest.approx(0, abs=1e-12)
    assert outcome.metrics["accuracy_world_home"] == 0.25
    assert outcome.counts["right"] == 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (f"np.nan * {ZEROS}", Cause.NOT_FINITE),
        (f"{ZEROS}[:, 1:]", Cause.PROTOCOL),
        ("1 / 0", Cause.EXITED),
    ],
)
def test_what_goes_wrong_has_its_cause(evaluate: Evaluate, answer: str, cause: Cause) -> None:
    outcome = evaluate(_flat(answer))
    assert (outcome.cause, outcome.score) == (cause, None), outcome.detail


@pytest.mark.full
def test_inference_may_not_become_much_slower(evaluate: Evaluate) -> None:
    slow = _flat(f"__import__('time').sleep(1.5) or {ZEROS}")
    known = Calibration(task="nanochat", profile="micro", references={"inference": 2.0})
    outcome = evaluate(slow, calibration=known)
    assert outcome.cause is Cause.INFERENCE_TIME, outcome.detail
