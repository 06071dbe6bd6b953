from __future__ import annotations

import math

import pytest

from autores.records import Outcome, Sample
from autores.status import Cause
from autores.tasks.parameter_golf.conditions import LEAST_NATS, NATS, least_effect


def outcome(nats: float) -> Outcome:
    sample = Sample(seed=1, score=1.0, metrics={NATS: nats})
    return Outcome(cause=Cause.VALID, score=1.0, samples=(sample,))


@pytest.mark.parametrize(("ours", "holds"), [(2.990, True), (2.996, False), (3.1, False)])
def test_a_claim_needs_a_least_effect(ours: float, holds: bool) -> None:
    check = least_effect([outcome(ours - 0.002), outcome(ours + 0.002)], [outcome(3.0)])
    assert check.holds is holds


def test_without_samples_nothing_is_shown() -> None:
    assert not least_effect([Outcome(cause=Cause.EXITED)], [outcome(3.0)]).holds


@pytest.mark.parametrize(("tokens_per_byte", "bits"), [(0.26834, 0.00194), (0.41052, 0.00296)])
def test_the_least_effect_is_the_published_one_in_bits(tokens_per_byte: float, bits: float) -> None:
    assert LEAST_NATS / math.log(2) * tokens_per_byte == pytest.approx(bits, abs=5e-6)
