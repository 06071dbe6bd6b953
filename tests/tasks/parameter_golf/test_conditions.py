from __future__ import annotations

import pytest

from autores.records import Outcome, Sample
from autores.status import Cause
from autores.tasks.parameter_golf.conditions import NATS, least_effect


def outcome(nats: float) -> Outcome:
    sample = Sample(seed=1, score=1.0, metrics={NATS: nats})
    return Outcome(cause=Cause.VALID, score=1.0, samples=(sample,))


@pytest.mark.parametrize(("ours", "holds"), [(2.990, True), (2.996, False), (3.1, False)])
def test_a_claim_needs_a_least_effect(ours: float, holds: bool) -> None:
    check = least_effect([outcome(ours - 0.002), outcome(ours + 0.002)], [outcome(3.0)])
    assert check.holds is holds


def test_without_samples_nothing_is_shown() -> None:
    assert not least_effect([Outcome(cause=Cause.EXITED)], [outcome(3.0)]).holds
