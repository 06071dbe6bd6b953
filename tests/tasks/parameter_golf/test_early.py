from __future__ import annotations

from dataclasses import replace

import pytest

from autores.config import Environment, gather
from autores.evaluator.request import EvaluationRequest
from autores.loading import load
from autores.manager import PluginManager
from autores.records import Calibration, Evaluation, Point, Purpose
from autores.tasks.parameter_golf import plugin
from autores.tasks.parameter_golf.early import EARLY, Watch, early_loss, watch

TASK = plugin.autores_task("cpu")
LIMITS = replace(plugin.autores_budget(TASK), wall={"train": 100.0})
KNOWN = Calibration(task=TASK.name, profile="cpu", references={EARLY: 2.0})
EVALUATION = Evaluation(trial=3, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(1,))


def _request(
    share: float = 0.1, calibration: Calibration | None = KNOWN, purpose: Purpose = Purpose.FIRST
) -> EvaluationRequest:
    return EvaluationRequest(
        evaluation=replace(EVALUATION, purpose=purpose),
        tree="t",
        task=TASK,
        plugin="p",
        limits=replace(LIMITS, early_stop=share),
        data_dir="/d",
        secret="ab",
        calibration=calibration,
    )


def _points(loss: float) -> list[Point]:
    return [Point(step=s, seconds=s, values={"loss": 9.0 if s < 15 else loss}) for s in range(60)]


def _said(loss: float) -> list[str]:
    found = watch(_request())
    assert found is not None
    return [words for point in _points(loss) if (words := found(point))]


def test_the_loss_is_looked_at_once_when_the_time_has_come() -> None:
    (words,) = _said(2.21)
    assert words == (
        "given up at 30% of the time: a loss of 2.210, where at most 2.200 is promising"
    )
    assert _said(2.19) == []


def test_what_was_logged_between_the_shares_is_averaged() -> None:
    assert early_loss(_points(3.0), 100.0) == pytest.approx(3.0)
    assert early_loss(_points(3.0)[:15], 100.0) is None
    bytes_alone = [Point(step=1, seconds=20, values={"bytes_mlp": 3.0})]
    assert early_loss(bytes_alone, 100.0) is None
    assert Watch(1.0, 0.0)(bytes_alone[0]) == ""


@pytest.mark.parametrize(
    "request_",
    [
        _request(share=0.0),
        _request(calibration=None),
        _request(calibration=replace(KNOWN, references={})),
        _request(purpose=Purpose.CONFIRM),
    ],
)
def test_nobody_is_watched_unasked_or_without_a_reference_or_in_a_claim(
    request_: EvaluationRequest,
) -> None:
    assert watch(request_) is None


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_a_run_asks_for_it_by_an_option(share: float) -> None:
    chosen = {"task": TASK.name, "profile": "micro", "early_stop": share}
    book = gather(file=None, environment=Environment.read({}), options=chosen, overrides=())
    assert load(book, PluginManager()).limits().early_stop == share
