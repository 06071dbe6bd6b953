from __future__ import annotations

import dataclasses
import json

from autores.codec import canonical, from_json, to_json
from autores.evaluator.request import EvaluationRequest
from autores.records import (
    Calibration,
    Direction,
    Evaluation,
    Gate,
    Lease,
    Limits,
    Metric,
    Purpose,
    Recipe,
    Task,
)

FIXED = Gate(name="fixed", hits="right", total="asked", at_least="0.96")
CALIBRATED = Gate(name="calibrated", hits="right", total="asked", slack=1.6)
REQUEST = EvaluationRequest(
    evaluation=Evaluation(
        trial=3, ordinal=1, purpose=Purpose.FIRST, commit="c" * 40, seeds=(5, 6, 7)
    ),
    tree="a" * 40,
    task=Task(
        name="t",
        title="T",
        metric=Metric(name="loss", direction=Direction.MINIMIZE),
        recipe=Recipe(path="/r", surfaces={"loss": ("a.py::b",)}),
        sizes={"widths": [1, 2], "rate": 0.5},
        gates=(FIXED, CALIBRATED),
    ),
    plugin="tasks.t",
    limits=Limits(wall={"train": 10.0, "inference": 5.0}, artifact_bytes=100, lease=Lease.HOST),
    data_dir="/d",
    secret="00ff",
    calibration=Calibration(
        task="t", profile="p", references={"load": 2.0}, thresholds={"calibrated": "9/10"}
    ),
    earlier={"right": 3},
    cpus=(0, 1),
    gpus=(3,),
)


def test_a_request_survives_the_bundle() -> None:
    assert from_json(EvaluationRequest, json.loads(canonical(to_json(REQUEST)))) == REQUEST


def test_secrets_differ_by_use_and_follow_from_the_request_alone() -> None:
    secrets = {REQUEST.derive(*labels) for labels in [("order", 1), ("order", 2), ("classes", 1)]}
    assert len(secrets) == 3
    assert REQUEST.derive("order", 1) in secrets
    other = dataclasses.replace(REQUEST, secret="00fe")
    assert other.derive("order", 1) not in secrets


def test_gates_ask_what_the_task_or_the_calibration_says_and_nothing_while_calibrating() -> None:
    assert REQUEST.threshold(FIXED) == "0.96"
    assert REQUEST.threshold(CALIBRATED) == "9/10"
    assert dataclasses.replace(REQUEST, calibration=None).threshold(CALIBRATED) is None
    evaluation = dataclasses.replace(REQUEST.evaluation, purpose=Purpose.CALIBRATE)
    calibrating = dataclasses.replace(REQUEST, evaluation=evaluation)
    assert calibrating.threshold(FIXED) is None


def test_references_are_unknown_before_calibration() -> None:
    assert REQUEST.reference("load") == 2.0
    assert REQUEST.reference("other") is None
    assert dataclasses.replace(REQUEST, calibration=None).reference("load") is None


def test_the_outer_limit_exceeds_all_inner_ones() -> None:
    assert REQUEST.outer_wall > 3 * (10.0 + 5.0)


def preparing(seconds: float, purpose: Purpose = Purpose.FIRST) -> EvaluationRequest:
    """Where the seed recipe took so many seconds to be ready for training, of 10 allowed."""
    return dataclasses.replace(
        REQUEST,
        evaluation=dataclasses.replace(REQUEST.evaluation, purpose=purpose),
        limits=dataclasses.replace(REQUEST.limits, wall={**REQUEST.limits.wall, "prepare": 10.0}),
        calibration=Calibration(
            task="t", profile="p", references={"train_prepare_seconds": seconds}
        ),
    )


def test_a_slow_machine_has_longer_to_prepare_and_the_outer_limit_allows_for_it() -> None:
    quick, slow = preparing(1.0), preparing(20.0)
    assert quick.patience("prepare", "train_prepare_seconds") == 10.0
    assert slow.patience("prepare", "train_prepare_seconds") == 60.0
    assert slow.patience("prepare", "inference_prepare_seconds") == 10.0
    assert slow.outer_wall >= quick.outer_wall + 3 * 2 * 50.0


def test_the_seed_recipe_itself_has_three_times_the_limit_to_prepare() -> None:
    calibrating = preparing(1.0, Purpose.CALIBRATE)
    assert calibrating.patience("prepare", "train_prepare_seconds") == 30.0
    assert calibrating.outer_wall > preparing(1.0).outer_wall


def test_what_was_measured_before_is_the_parent_s_or_else_the_seed_recipe_s() -> None:
    known = Calibration(task="t", profile="p", references={"speed": 3.0, "bytes": 7.0})
    request = dataclasses.replace(REQUEST, calibration=known, parent={"speed": 4.0})
    assert request.before("speed") == (4.0, "the parent's")
    assert request.before("bytes") == (7.0, "the seed recipe's")
    assert request.before("else") is None
