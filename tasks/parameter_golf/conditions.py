"""What a claim must reach here besides significance."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from autores.records import Outcome
from autores.verify import Check

LEAST_NATS = 0.005
"""Per token: the least that the challenge this task is made after counts as a new record."""
NATS = "nats_per_token"


def least_effect(trial: Iterable[Outcome], against: Iterable[Outcome]) -> Check:
    """Whether the loss per token fell by enough."""
    ours, theirs = (
        [sample.metrics[NATS] for o in side for sample in o.samples if NATS in sample.metrics]
        for side in (trial, against)
    )
    gain = fmean(theirs) - fmean(ours) if ours and theirs else 0.0
    return Check(
        name=f"at least {LEAST_NATS} nats per token",
        holds=gain >= LEAST_NATS,
        detail=f"{gain:+.4f} nats",
    )
