from __future__ import annotations

import pytest

from autores.records import Outcome, Sample
from autores.status import Cause
from autores.tasks.airbench.conditions import ASKED_NEWER, RIGHT_NEWER, newer_pictures


def _looks(*right: int, asked: int = 2_000) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(
            cause=Cause.VALID,
            score=3.0,
            samples=(Sample(seed=1, score=3.0, counts={RIGHT_NEWER: count, ASKED_NEWER: asked}),),
        )
        for count in right
    )


@pytest.mark.parametrize(("right", "holds"), [(1_800, True), (1_780, True), (1_779, False)])
def test_a_trial_may_lose_one_point_on_newer_pictures(right: int, holds: bool) -> None:
    (check,) = newer_pictures(_looks(right, right), _looks(1_800))
    assert check.holds is holds
    assert f"{right / 2_000:.2%}" in check.detail


def test_nothing_is_asked_where_nobody_saw_them() -> None:
    plain = (Outcome(cause=Cause.VALID, score=3.0, samples=(Sample(seed=1, score=3.0),)),)
    assert newer_pictures(plain, _looks(1_800)) == ()
    assert newer_pictures(_looks(1_800), plain) == ()
