"""Accuracy as a count of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.evaluator.failure import Failed
from autores.status import Cause


def count_right(scores: NDArray[Any], labels: NDArray[np.integer[Any]]) -> int:
    """How many rows score their own label above all others; a tie is not above.

    Args:
        scores: One row for each label, one column for each class.
        labels: The classes that are right.

    Raises:
        Failed: A score is not finite.
    """
    if not np.isfinite(scores).all():
        raise Failed(Cause.NOT_FINITE, "answered with a number that is not finite")
    own = scores[np.arange(len(labels)), labels]
    return int(((scores >= own[:, None]).sum(1) == 1).sum())
