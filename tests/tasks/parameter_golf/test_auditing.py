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
from autores.tasks.parameter_golf.auditing import counts, require_passed, rows_due

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


def _looking(purpose: Purpose, **changes: Any) -> EvaluationRequest:
    return replace(REQUEST, evaluation=replace(EVALUATION, purpose=purpose), **changes)


def test_a_first_look_is_audited_if_it_beats_the_incumbent_beyond_noise() -> None:
    assert rows_due(REQUEST, 1.2) == 0
    assert rows_due(REQUEST, 1.097) == 0
    assert rows_due(REQUEST, 1.09) > 0
    assert rows_due(replace(REQUEST, incumbent=1.08), 1.09) == 0


def test_depth_follows_the_gain() -> None:
    request = replace(REQUEST, incumbent=1.08, calibration=None)
    assert rows_due(request, 1.08 - 0.00194) == pytest.approx(2_561, abs=2)
    assert rows_due(request, 1.0) == rows_needed(0.08, 1.08)


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY])
def test_a_claim_owes_no_more_than_a_gain_of_the_noise_asks(purpose: Purpose) -> None:
    request, most = _looking(purpose), rows_needed(0.004, 1.1)
    assert rows_due(request, 1.0999) == rows_due(request, 1.096) == most
    assert 0 < rows_due(request, 1.05) < most
    assert rows_due(request, 1.1001) == 0


def test_the_seed_recipe_is_not_audited() -> None:
    assert rows_due(_looking(Purpose.CALIBRATE), 0.5) == 0


def test_who_predicts_everything_is_audited_all_the_same() -> None:
    assert 0 < rows_due(REQUEST, 0.0) < 10
    assert rows_due(replace(REQUEST, calibration=None), 0.0) == 0


def _verdict(**changes: Any) -> Verdict:
    fine = Verdict(rows=100, moved=0, mean_change=0.0, tolerance=0.001, drift=0.0)
    return replace(fine, **changes)


def test_who_passes_is_counted() -> None:
    verdicts = [_verdict(), _verdict()]
    require_passed(verdicts)
    assert counts(verdicts, 250, {}) == {"audit_due": 250, "audited": 200, "moved": 0}


@pytest.mark.parametrize(("due", "added"), [(250, 0), (300, 50), (0, 0)])
def test_looks_together_owe_what_the_most_promising_asks(due: int, added: int) -> None:
    found = counts([], due, {"audit_due": 250, "audited": 200})
    assert found == {"audit_due": added, "audited": 0, "moved": 0}


@pytest.mark.parametrize(
    ("changes", "said"), [({"moved": 3}, "3 of 200 losses"), ({"drift": 0.5}, "reproduced")]
)
def test_who_fails_is_told_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        require_passed([_verdict(), _verdict(**changes)])
    assert caught.value.cause is Cause.AUDIT
