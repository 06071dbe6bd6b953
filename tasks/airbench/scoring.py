"""From answers to counts, and when a trial can no longer pass its gate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autores.statistics import chance_of_passing
from autores.tasks.airbench.world import CLASSES

HOPELESS = 1e-3
"""A trial whose chance of passing has fallen below this is stopped."""
DESIGN_EFFECT = 2.0
"""Pictures of one seed hang together; measured near 1, taken as 2 so that none is stopped early
by mistake."""


class BadAnswer(Exception):
    """An answer that is not one row of ten finite numbers for each picture."""

    def __init__(self, message: str, *, finite: bool = True) -> None:
        super().__init__(message)
        self.finite = finite


def count_right(answer: NDArray[np.floating], labels: NDArray[np.uint8]) -> int:
    """How many pictures were named right.

    A tie counts as wrong, so that a net that says the same of every class is right about none.

    Raises:
        BadAnswer: The shape is wrong, or a number is not finite.
    """
    if answer.shape != (len(labels), CLASSES):
        raise BadAnswer(f"answered {answer.shape} instead of {(len(labels), CLASSES)}")
    if not np.isfinite(answer).all():
        raise BadAnswer("answered with a number that is not finite", finite=False)
    rows = np.arange(len(labels))
    own = answer[rows, labels]
    ties = (answer == own[:, None]).sum(1) > 1
    return int(((answer.argmax(1) == labels) & ~ties).sum())


def is_hopeless(right: int, asked: int, to_come: int, threshold: str) -> bool:
    """Whether the pictures still to come can hardly lift the pooled count over the gate."""
    if not asked or not to_come:
        return False
    chance = chance_of_passing(right, asked, to_come, threshold, design_effect=DESIGN_EFFECT)
    return chance < HOPELESS


def overrun(seconds: float, reference: float | None) -> float:
    """What of a preparation goes onto the score: all beyond 1.25 times the seed recipe's."""
    return 0.0 if reference is None else max(0.0, seconds - 1.25 * reference)
