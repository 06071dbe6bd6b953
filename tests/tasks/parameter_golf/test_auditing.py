from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autores.evaluator.failure import Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Calibration, Evaluation, Purpose
from autores.scoring.audit import Verdict, rows_needed
from autores.status import Cause
from autores.tasks.parameter_golf import plugin
from autores.tasks.parameter_golf.auditing import counts, replays_wanted, require_passed

TASK = plugin.autores_task("cpu")
EVALUATION = Evaluation(trial=3, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(1,))
REQUEST = EvaluationRequest(
    evaluation=EVALUATION,
    tree="t",
    task=TASK,
    plugin="p",
    limits=plugin.autores_budget(TASK),
    data_dir="/d",
    secret="ab",
    calibration=Calibration(task="parameter_golf", profile="cpu", score=1.1, spread=0.004),
)


def test_only_what_beats_the_incumbent_beyond_noise_is_audited() -> None:
    assert replays_wanted(REQUEST, 1.2, 100) == 0
    assert replays_wanted(REQUEST, 1.097, 100) == 0
    assert replays_wanted(REQUEST, 1.09, 100) > 0
    assert replays_wanted(replace(REQUEST, incumbent=1.08), 1.09, 100) == 0


def test_depth_follows_the_gain_and_counts_what_was_audited_before() -> None:
    request = replace(REQUEST, incumbent=1.08, calibration=None)
    rows = rows_needed(0.00194, 1.08)
    assert rows == pytest.approx(2_561, abs=2)
    assert replays_wanted(request, 1.08 - 0.00194, 112) == -(-rows // 112)
    again = replace(request, earlier={"audited": rows - 50})
    assert replays_wanted(again, 1.08 - 0.00194, 112) == 1
    assert replays_wanted(replace(request, earlier={"audited": 9_999}), 1.07, 112) == 0


@pytest.mark.parametrize("purpose", [Purpose.CALIBRATE])
def test_the_seed_recipe_is_not_audited(purpose: Purpose) -> None:
    request = replace(REQUEST, evaluation=replace(EVALUATION, purpose=purpose))
    assert replays_wanted(request, 0.5, 100) == 0


def test_who_predicts_everything_is_audited_all_the_same() -> None:
    assert replays_wanted(REQUEST, 0.0, 100) == 1
    assert replays_wanted(replace(REQUEST, calibration=None), 0.0, 100) == 0


def _verdict(**changes: Any) -> Verdict:
    fine = Verdict(rows=100, moved=0, mean_change=0.0, tolerance=0.001, drift=0.0)
    return replace(fine, **changes)


def test_who_passes_is_counted() -> None:
    verdicts = [_verdict(), _verdict()]
    require_passed(verdicts)
    assert counts(verdicts) == {"audited": 200, "moved": 0}
    assert counts([]) == {"audited": 0, "moved": 0}


@pytest.mark.parametrize(
    ("changes", "said"), [({"moved": 3}, "3 of 200 losses"), ({"drift": 0.5}, "reproduced")]
)
def test_who_fails_is_told_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        require_passed([_verdict(), _verdict(**changes)])
    assert caught.value.cause is Cause.AUDIT
