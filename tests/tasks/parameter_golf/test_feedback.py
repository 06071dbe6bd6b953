from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from autores.evaluator.arena import Arena, Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Artifact, Calibration, Evaluation, Measurement, Point, Purpose
from autores.status import Cause
from autores.tasks.parameter_golf import feedback, plugin
from autores.tasks.parameter_golf.context import curve

ACCOUNT = {"bytes_mlp": 60_000.0, "bytes_attention": 20_000.0}
POINTS = (
    Point(step=50, seconds=5.0, values={"loss": 3.0}),
    Point(step=100, seconds=10.0, values={"loss": 2.5}),
    Point(step=110, seconds=12.0, values=ACCOUNT),
)
ARTIFACT = Artifact(sha256="0" * 64, code_bytes=8_000, weight_bytes=94_000)
REFERENCES = {
    "code_bytes": 7_900.0,
    "weight_bytes": 90_000.0,
    "bytes_mlp": 57_000.0,
    "bytes_attention": 19_900.0,
    "steps_per_second": 12.5,
    "inference_seconds": 9.0,
}


def _arena(
    *,
    references: dict[str, float] = REFERENCES,
    parent: dict[str, float] | None = None,
    points: tuple[Point, ...] = POINTS,
) -> Arena:
    task = plugin.autores_task("cpu")
    request = EvaluationRequest(
        evaluation=Evaluation(trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(1,)),
        tree="t",
        task=task,
        plugin="p",
        limits=replace(plugin.autores_budget(task), wall={"train": 25.0, "inference": 20.0}),
        data_dir="/d",
        secret="ab",
        calibration=Calibration(task=task.name, profile="cpu", references=references),
        parent=parent or {},
    )
    trained = Measurement(phase="train", seed=1, wall=12.0, points=points)
    inferred = Measurement(phase="inference", seed=1, wall=3.0)
    found: Any = SimpleNamespace(
        request=request, artifact=ARTIFACT, measurements=[trained, inferred]
    )
    return cast(Arena, found)


def test_bytes_speed_and_the_own_account_are_metrics() -> None:
    assert feedback.metrics(_arena()) == {
        "code_bytes": 8_000,
        "weight_bytes": 94_000,
        "steps_per_second": 10.0,
        "early_loss": 3.0,
        **ACCOUNT,
    }


def test_who_logged_nothing_has_bytes_alone() -> None:
    assert set(feedback.metrics(_arena(points=()))) == {"code_bytes", "weight_bytes"}


def test_a_size_failure_says_how_many_bytes_and_which_part_grew() -> None:
    said = feedback.too_large(ARTIFACT, 100_000, _arena())
    assert said == (
        "2,000 bytes over 100,000: code 8,000 (+100 against the seed recipe's), weights 94,000 "
        "(+4,000 against the seed recipe's); by its own account mlp grew most, by +3,000"
    )


def test_what_the_parent_measured_is_compared_with_first() -> None:
    parent = {"code_bytes": 8_050.0, "weight_bytes": 95_000.0, "bytes_mlp": 61_000.0}
    said = feedback.too_large(ARTIFACT, 100_000, _arena(parent=parent))
    assert said == (
        "2,000 bytes over 100,000: code 8,000 (-50 against the parent's), weights 94,000 (-1,000 "
        "against the parent's); by its own account attention grew most, by +100"
    )
    late = Failed(Cause.TRAIN_TIME, "not done")
    said = feedback.explain(late, _arena(parent={"steps_per_second": 11.0, "train_seconds": 24.0}))
    assert said == (
        "train: not done (limit 25 s; the parent's took 24.0 s); 10.00 steps/s, the parent's 11.00"
    )


def test_before_calibration_it_says_the_bytes() -> None:
    said = feedback.too_large(ARTIFACT, 100_000, _arena(references={}))
    assert said == "2,000 bytes over 100,000: code 8,000, weights 94,000"


def test_an_overrun_says_which_phase_and_how_fast_it_was() -> None:
    said = feedback.explain(Failed(Cause.TRAIN_TIME, "not done within 24.0 s"), _arena())
    assert said == (
        "train: not done within 24.0 s (limit 25 s); 10.00 steps/s, the seed recipe's 12.50"
    )
    said = feedback.explain(Failed(Cause.INFERENCE_TIME, "not done within 20.0 s"), _arena())
    assert said == "inference: not done within 20.0 s (limit 20 s; the seed recipe's took 9.0 s)"


def test_other_failures_keep_their_words() -> None:
    assert feedback.explain(Failed(Cause.EXITED, "exit code 1"), _arena()) == "exit code 1"


@pytest.mark.parametrize(("count", "shown"), [(5, 5), (20, 20), (500, 20)])
def test_a_curve_has_twenty_points_at_most_with_both_ends(count: int, shown: int) -> None:
    points = [Point(step=i, seconds=float(i), values={"loss": 9.0 - i}) for i in range(count)]
    found = curve([*points, Point(step=count, seconds=1.0, values={"bytes_mlp": 1.0})])
    assert len(found) == shown
    assert (found[0], found[-1]) == ((0.0, 9.0), (count - 1.0, 10.0 - count))
