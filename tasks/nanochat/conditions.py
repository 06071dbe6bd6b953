"""What a claim must reach here besides significance over seeds: to hold on other items too.

Both sides were asked the same items, so that only those count on which they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

from autores.records import Outcome, Sample
from autores.tasks.nanochat.core_metric import Mark, core, paired_error, unpaired_error
from autores.verify import Check

CHANCE = "chance_"
"""Before a task's label: the metric that says what guessing reaches there."""
LEAST_ERRORS = 1.645
"""One side of a normal distribution at 5 %."""


def beyond_items(trial: Sequence[Outcome], against: Sequence[Outcome]) -> Check:
    """Whether the gain is larger than what other items of the same kind might take away."""
    name = "the gain would hold on other items"
    ours, theirs = _marks(trial), _marks(against)
    if not (ours and theirs):
        return Check(name=name, holds=False, detail="what came of each item was not recorded")
    gain, paired = core(ours) - core(theirs), paired_error(ours, theirs)
    saved = 1 - (paired / (unpaired_error(ours, theirs) or 1)) ** 2
    return Check(
        name=name,
        holds=gain > LEAST_ERRORS * paired,
        detail=f"{gain:+.4f} ± {paired:.4f} over items; asking both sides the same ones took "
        f"away {saved:.0%} of the variance",
    )


def _marks(outcomes: Sequence[Outcome]) -> list[Mark]:
    """The mean over all looks of what came of each item."""
    samples = [sample for outcome in outcomes for sample in outcome.samples if sample.items]
    return [_mean(samples, label) for label in (samples[0].items if samples else ())]


def _mean(samples: Sequence[Sample], label: str) -> Mark:
    chance = fmean(sample.metrics[CHANCE + label] for sample in samples)
    read = [Mark.read(label, chance, sample.items[label]).credits for sample in samples]
    means = (sum(credits, Fraction(0)) / len(read) for credits in zip(*read, strict=True))
    return Mark(label, chance, tuple(means))
