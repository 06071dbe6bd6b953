"""What a certificate must show on CIFAR-10.1, where that was supplied."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from autores.records import Outcome
from autores.verify import Check

RIGHT_NEWER, ASKED_NEWER = "right_newer", "asked_newer"
MOST_LOST = Fraction(1, 100)
"""Of the rate of right answers: a recipe that is faster by losing more than this there has fitted
the test pictures that trials are asked."""


def newer_pictures(trial: Iterable[Outcome], against: Iterable[Outcome]) -> tuple[Check, ...]:
    """Whether a trial answers as well as the other on pictures of later years, if both were asked."""
    ours, theirs = _rate(trial), _rate(against)
    if ours is None or theirs is None:
        return ()
    return (
        Check(
            name=f"loses at most {float(MOST_LOST):.0%} of accuracy on CIFAR-10.1",
            holds=theirs - ours <= MOST_LOST,
            detail=f"{float(ours):.2%} right, against {float(theirs):.2%}",
        ),
    )


def _rate(outcomes: Iterable[Outcome]) -> Fraction | None:
    counts = [sample.counts for outcome in outcomes for sample in outcome.samples]
    asked = sum(count.get(ASKED_NEWER, 0) for count in counts)
    right = sum(count.get(RIGHT_NEWER, 0) for count in counts)
    return Fraction(right, asked) if asked else None
