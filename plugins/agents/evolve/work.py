"""Numbers that stand for work: more of it takes longer, and mostly comes out better."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

_AMOUNT = re.compile(
    r"(?:^|[_(\[])(?:epochs?|steps|iterations?|iters?|tokens|passes|rounds|views|tta|"
    r"depth|layers|blocks|widths?|channels|hidden|experts|ratio|expansion)(?:$|[_)\[])"
)
_NOT_OF_TRAINING = re.compile(
    r"warm|cool|decay|momentum|every|eval|log|save|share|keep|drop|mask|least|most|calib|first|last|"
    r"tuned|reference"
)


def work_of(point: Mapping[str, float]) -> float:
    """How many times work is doubled, as far as the names of numbers tell."""
    return sum(x for feature, x in point.items() if is_work(feature))


@lru_cache(maxsize=20_000)
def is_work(feature: str) -> bool:
    """Whether a feature is an amount of work; choices and moves are none."""
    name = feature.partition("::")[2].partition("#")[0].lower()
    stem, bracket, inside = name.partition("(")
    name = stem.rpartition(".")[2] + bracket + inside
    return "=" not in name and bool(_AMOUNT.search(name)) and not _NOT_OF_TRAINING.search(name)


def headroom(allowed: float, taken: float, taken_at_first: float) -> float | None:
    """How often work can be doubled in the time that training has, if it takes all time now.

    Args:
        allowed: Seconds of training; 0 where no limit is known.
        taken: Seconds of the trial from which it goes on, all phases together; 0: unknown.
        taken_at_first: The same of the seed recipe.

    Returns:
        None where the seed recipe takes all time that it may: the clock ends its training, and
        more work in a step means fewer steps.
    """
    if not allowed or not taken:
        return math.inf
    return None if taken_at_first >= allowed else math.log2(allowed / taken)
