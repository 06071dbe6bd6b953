"""Real evaluations of the micro profile, end to end: a bundle in, a signed outcome out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Level, SandboxUnavailable, choose
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Evaluation, Outcome, Purpose, Split
from autores.status import Cause
from autores.tasks.airbench import data, plugin
from autores.tasks.airbench.profiles import profile_named

RECIPE = Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / "train.py"
ORACLE = """
import harness, io, os
import numpy as np
job = harness.job()
if job.phase == "train":
    harness.ready()
    x = np.load(job.data + "/train_images.npy")
    y = np.load(job.data + "/train_labels.npy")
    out = io.BytesIO()
    means = np.stack([x[y == c].mean(0) for c in range(10)])
    np.save(out, means.astype(np.float16))
    harness.done(out.getvalue())
else:
    means = np.load(io.BytesIO(job.artifact)).astype(np.float32).reshape(10, -1)
    harness.ready()
    def predict(images):
        x = images.reshape(len(images), -1).astype(np.float32)
        return 2 * x @ means.T - (means ** 2).sum(1)
    harness.serve(predict)
"""
"""Nearest mean: fast, honest, and its answers can be computed here as well."""


@pytest.fixture(scope="module")
def full() -> None:
    pytest.importorskip("torch")
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


@pytest.fixture
def evaluate(full: None, prepared: data.Prepared, tmp_path: Path) -> Evaluate:
    def run(source: bytes, **changes: Any) -> Outcome:
        task = plugin.autores_task("micro")
        tree = FileTree({"train.py": source})
        evaluation = Evaluation(
            trial=3,
            ordinal=0,
            purpose=Purpose.FIRST,
            commit="c",
            seeds=changes.pop("seeds", (11,)),
            world=prepared.world,
            split=changes.pop("split", Split.EVALUATION),
        )
        request = EvaluationRequest(
            evaluation=evaluation,
            tree=tree.id,
            task=task,
            plugin="autores.tasks.airbench.plugin",
            limits=plugin.autores_budget(task),
            data_dir=str(prepared.folder.parents[1]),
            secret="ab" * 16,
            min_level="full",
        )
        request = replace(request, **changes)
        write_bundle(tmp_path / "bundle", [request], {"c": {"train.py": source}})
        key = os.urandom(32)
        run_job(read_bundle(tmp_path / "bundle"), {key_name(evaluation): key}, tmp_path)
        return verify((tmp_path / "0.json").read_bytes(), key, evaluation, tree.id)

    return run


def _nearest_mean(prepared: data.Prepared, split: str, first: int = 1_000) -> int:
    train, test = prepared.train(), prepared.held_out(split)[:first]
    x = train.images.reshape(len(train), -1).astype(np.float64)
    means = np.stack([x[train.labels == c].mean(0) for c in range(10)])
    means = means.astype(np.float16).astype(np.float32)
    asked = test.images.reshape(len(test), -1).astype(np.float32)
    return int(((2 * asked @ means.T - (means**2).sum(1)).argmax(1) == test.labels).sum())


@pytest.mark.full
def test_the_seed_recipe_is_measured_for_what_it_is(evaluate: Evaluate) -> None:
    outcome = evaluate(RECIPE.read_bytes())
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.counts["asked"] == 1_000
    assert outcome.counts["right"] > 600
    (sample,) = outcome.samples
    assert outcome.score == sample.score
    walls = {m.phase: m.wall for m in outcome.measurements}
    assert outcome.score == pytest.approx(walls["train"] + walls["inference"], rel=0.1)
    assert walls["train"] > 0.2
    assert outcome.artifact is not None
    assert outcome.artifact.code_bytes == len(RECIPE.read_bytes()) + len("train.py")


@pytest.mark.full
@pytest.mark.parametrize("split", Split)
def test_accuracy_is_counted_by_us_and_exactly(
    evaluate: Evaluate, prepared: data.Prepared, split: Split
) -> None:
    outcome = evaluate(ORACLE.encode(), split=split)
    assert outcome.cause is Cause.VALID, outcome.detail
    assert outcome.counts["right"] == pytest.approx(_nearest_mean(prepared, split.value), abs=2)
    assert outcome.metrics["accuracy"] == outcome.counts["right"] / 1_000


@pytest.mark.full
def test_a_certificate_also_asks_newer_pictures(
    evaluate: Evaluate, prepared: data.Prepared
) -> None:
    files = [prepared.folder / f"held_out/newer_{kind}.npy" for kind in ("images", "labels")]
    asked = prepared.held_out("certification")[:100]
    for file, values in zip(files, (asked.images, asked.labels), strict=True):
        np.save(file, values)
    outcome = evaluate(ORACLE.encode(), split=Split.CERTIFICATION)
    for file in files:
        file.unlink()
    assert (outcome.counts["asked"], outcome.counts["asked_newer"]) == (1_000, 100)
    expected = _nearest_mean(prepared, "certification", first=100)
    assert outcome.counts["right_newer"] == pytest.approx(expected, abs=2)
    first = next(m for m in outcome.measurements if m.phase == "inference")
    (sample,) = outcome.samples
    assert sample.metrics["inference"] == pytest.approx(
        first.wall, rel=0.1
    )  # the others are not timed


def _calibrated(**changes: Any) -> Calibration:
    return replace(
        Calibration(task="airbench", profile="micro", thresholds={"accuracy": "0.9"}), **changes
    )


@pytest.mark.full
def test_who_misses_the_gate_has_counts_and_no_score(evaluate: Evaluate) -> None:
    outcome = evaluate(ORACLE.encode(), calibration=_calibrated())
    assert (outcome.cause, outcome.score) == (Cause.GATE, None)
    assert outcome.counts["asked"] == 1_000
    assert "short of 0.9" in outcome.detail


@pytest.mark.full
def test_what_can_hardly_pass_any_more_is_stopped(evaluate: Evaluate) -> None:
    outcome = evaluate(ORACLE.encode(), seeds=(11, 12, 13), calibration=_calibrated())
    assert (outcome.cause, outcome.score) == (Cause.GATE, None)
    assert outcome.counts["asked"] == 1_000
    assert len(outcome.samples) == 1
    assert outcome.detail.startswith("stopped after 1 of 3 seeds: ")


@pytest.mark.full
def test_printing_a_score_changes_nothing(evaluate: Evaluate, prepared: data.Prepared) -> None:
    forged = 'print("accuracy 1.0 seconds 0.01\\n" * 50)\n' + ORACLE
    outcome = evaluate(forged.encode())
    assert outcome.counts["right"] == pytest.approx(_nearest_mean(prepared, "evaluation"), abs=2)


@pytest.mark.full
@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("return 2 * x", "return np.nan * x", Cause.NOT_FINITE),
        ("np.float16", "np.float64", Cause.ARTIFACT_BYTES),
        ("(means ** 2).sum(1)", "(means ** 2).sum(1)[:3]", Cause.EXITED),
        ("job = harness.job()", "raise SystemExit(4)", Cause.LAUNCH),
    ],
)
def test_what_goes_wrong_has_its_cause(
    evaluate: Evaluate, old: str, new: str, cause: Cause
) -> None:
    tight = replace(plugin.autores_budget(plugin.autores_task("micro")), artifact_bytes=100_000)
    assert old in ORACLE
    outcome = evaluate(ORACLE.replace(old, new).encode(), limits=tight)
    assert (outcome.cause, outcome.score) == (cause, None), outcome.detail


@pytest.mark.full
def test_another_world_is_not_measured(evaluate: Evaluate, prepared: data.Prepared) -> None:
    folder = prepared.folder.parents[1] / "other"
    plugin.autores_prepare(plugin.autores_task("micro"), folder)
    outcome = evaluate(ORACLE.encode(), data_dir=str(folder))
    assert outcome.cause is Cause.HARNESS
    assert "world" in outcome.detail
