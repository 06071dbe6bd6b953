from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.failure import Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Calibration, Evaluation, Purpose
from autores.scoring.audit import Verdict
from autores.status import Cause
from autores.tasks.parameter_golf import plugin
from autores.tasks.parameter_golf.auditing import (
    MISSED,
    chance_to_miss,
    counts,
    replays_due,
    replays_needed,
    require_passed,
)
from autores.tasks.text.streams import Stream, StreamAudit

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


def _audit(columns: int = 512, length: int = 64) -> StreamAudit:
    tokens = np.zeros((128, columns), np.int64)
    stream = Stream(inputs=tokens, targets=tokens, vocabulary=2, bytes=1)
    return StreamAudit(stream, length, [tokens[:, :length]] * (columns // length), tokens.ravel())


AUDIT = _audit()


def _due(request: EvaluationRequest, score: float) -> int:
    return replays_due(request, score, AUDIT)


def test_a_first_look_is_audited_if_it_beats_the_incumbent_beyond_noise() -> None:
    assert _due(REQUEST, 1.2) == 0
    assert _due(REQUEST, 1.097) == 0
    assert _due(REQUEST, 1.09) > 0
    assert _due(replace(REQUEST, incumbent=1.08), 1.09) == 0


def test_depth_follows_the_gain() -> None:
    request = replace(REQUEST, incumbent=1.08, calibration=None)
    assert _due(request, 1.08 - 0.00194) == replays_needed(0.00194 / 1.08, 8, 112)
    assert _due(request, 1.08 - 0.00194) > _due(request, 1.07) >= 8


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY])
def test_a_claim_owes_no_more_than_a_gain_of_the_noise_asks(purpose: Purpose) -> None:
    request, most = _looking(purpose), replays_needed(0.004 / 1.1, 8, 112)
    assert _due(request, 1.0999) == _due(request, 1.096) == most
    assert 0 < _due(request, 1.05) < most
    assert _due(request, 1.1001) == 0


def test_the_seed_recipe_is_not_audited() -> None:
    assert _due(_looking(Purpose.CALIBRATE), 0.5) == 0


def test_who_predicts_everything_is_audited_all_the_same() -> None:
    assert _due(REQUEST, 0.0) == 8
    assert _due(replace(REQUEST, calibration=None), 0.0) == 0


def test_where_nothing_ahead_is_shown_one_replay_tells_all() -> None:
    assert replays_due(REQUEST, 1.09, _audit(256, 1)) == 1


# ------------------------------------------------------------------------ what replays find


def test_after_whole_rounds_an_even_leak_hides_best_and_rows_count_each_for_themselves() -> None:
    for rounds in (1, 2, 5):
        rows = rounds * 8 * 112
        assert chance_to_miss(0.01, 8 * rounds, 8, 112) == pytest.approx(0.99**rows)


def test_a_leak_that_fills_one_chunk_is_missed_until_its_turn_comes() -> None:
    for replays in range(1, 8):
        assert chance_to_miss(1 / 8, replays, 8, 112) == pytest.approx(1 - replays / 8)
    assert chance_to_miss(1 / 8, 8, 8, 112) < 1e-6


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.4, 1.0]), min_size=5, max_size=5).filter(any),
    st.integers(1, 12),
)
def test_a_leak_on_some_chunks_alike_is_missed_no_more_often(leak: list[float], n: int) -> None:
    """Against all orders that replays may take, counted one by one."""
    rounds, rest = divmod(n, 5)
    level = max(leak)
    leak = [level if share else 0.0 for share in leak]
    missed = [(1 - share) ** 3 for share in leak]
    orders = list(combinations(missed, rest))
    chance = math.prod(missed) ** rounds * sum(map(math.prod, orders)) / len(orders)
    share = sum(leak) / 5
    assert chance <= chance_to_miss(share, n, 5, 3) + 1e-12


@given(st.floats(0.002, 0.9), st.integers(1, 12), st.integers(8, 200))
def test_a_round_at_least_and_as_few_replays_as_suffice(
    share: float, chunks: int, rows: int
) -> None:
    needed = replays_needed(share, chunks, rows)
    assert chance_to_miss(share, needed, chunks, rows) <= MISSED
    assert needed == chunks or chance_to_miss(share, needed - 1, chunks, rows) > MISSED


@pytest.mark.parametrize("share", [0.0, -0.1, 1.0])
def test_no_leak_cannot_be_looked_for(share: float) -> None:
    with pytest.raises(ValueError, match="cannot be audited"):
        replays_needed(share, 8, 112)


# --------------------------------------------------------------------------------- verdicts


def _verdict(**changes: Any) -> Verdict:
    fine = Verdict(rows=100, moved=0, mean_change=0.0, tolerance=0.001, drift=0.0)
    return replace(fine, **changes)


def test_who_passes_is_counted() -> None:
    verdicts = [_verdict(), _verdict()]
    require_passed(verdicts)
    told = {"audit_due": 5, "audited": 2, "audited_rows": 200, "moved": 0}
    assert counts(verdicts, 5, {}) == told


@pytest.mark.parametrize(("due", "added"), [(5, 0), (8, 3), (0, 0)])
def test_looks_together_owe_what_the_most_promising_asks(due: int, added: int) -> None:
    found = counts([], due, {"audit_due": 5, "audited": 4})
    assert found == {"audit_due": added, "audited": 0, "audited_rows": 0, "moved": 0}


@pytest.mark.parametrize(
    ("changes", "said"), [({"moved": 3}, "3 of 200 losses"), ({"drift": 0.5}, "reproduced")]
)
def test_who_fails_is_told_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Failed, match=said) as caught:
        require_passed([_verdict(), _verdict(**changes)])
    assert caught.value.cause is Cause.AUDIT
