"""What of each task's real trials a surrogate predicts, and what makes a score and a gate of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.evolve_table import UNRANKED, Look, Table
from numpy.typing import NDArray

Array = NDArray[np.float64]
Read = Callable[[Look], float | None]
SLACK = 1.6
"""Standard errors below the seed recipe's rate, as calibration sets a gate."""
NEAR_MISS = 1.05
"""What is at most so many times too large has a score all the same."""
_SHORTEST = 0.05
_RATES = (0.9, 0.9995)
"""Rates of right answers that are told apart: what lies below fails any gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """What a trial must reach besides a good score; a surrogate predicts `read`."""

    name: str
    read: Read
    bar: Callable[[Table], float]
    """What `read` must reach."""
    plain: Callable[[Array], Array] = np.asarray
    """From what `read` gives to what margins are told in."""
    limit: bool = False
    """A limit on the artifact rather than a gate: margins are logarithms of shares of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How trials of one task are read; scores are logarithms of which less is better."""

    parts: Mapping[str, Read]
    score: Read
    whole: Callable[[Sequence[Array]], Array]
    """Scores, from the parts."""
    barrier: Barrier | None = None
    pace: Sequence[Read] = ()
    """What tells, by how far it is from what recipes like this one take, how quick the machine was
    during a trial, where a score hangs on that."""

    def breaks(self, look: Look) -> float:
        """Whether a trial ended without anything to go by."""
        read = self.barrier.read if self.barrier else self.score
        return float(look.score is None and read(look) is None)


def logit(rate: float) -> float:
    """Of a rate, within what can be told apart."""
    inside = min(max(rate, _RATES[0]), _RATES[1])
    return math.log(inside / (1 - inside))


def rates(logits: Array) -> Array:
    """The rates again."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def threshold(table: Table) -> float:
    """The rate that a trial must reach: as calibration would set it for this table's seed looks."""
    seeds = [look.counts for look in table.looks if not look.edits and look.counts]
    rate = statistics.fmean(counts["right"] / counts["asked"] for counts in seeds)
    return rate - SLACK * math.sqrt(rate * (1 - rate) / seeds[0]["asked"])


# -------------------------------------------------------------------------------- airbench


def _seconds_of(phase: str) -> Read:
    """Logarithm of a phase's seconds."""

    def read(look: Look) -> float | None:
        if look.score is None:
            return None
        return math.log(max(_SHORTEST, look.metrics[f"{phase}_seconds"]))

    return read


def _log_of(metric: str) -> Read:
    """Logarithm of what a trial told of itself."""

    def read(look: Look) -> float | None:
        value = look.metrics.get(metric)
        return math.log(value) if value else None

    return read


STARTS = [_log_of(f"{phase}_prepare_seconds") for phase in ("train", "inference")]
"""What phases took to start: most of it is the same for all recipes."""


def _right(look: Look) -> float | None:
    """Log odds of a right answer."""
    asked = look.counts.get("asked")
    return logit(look.counts["right"] / asked) if asked else None


def _log_score(look: Look) -> float | None:
    return math.log(look.score) if look.score else None


def _sum(logarithms: Sequence[Array]) -> Array:
    """The logarithm of the sum of what is given by logarithms."""
    return np.asarray(np.log(sum(np.exp(part) for part in logarithms)))


# --------------------------------------------------------------------------- parameter_golf


def _bits(look: Look) -> float | None:
    """Also of what is a little too large."""
    bits = look.score or look.metrics.get(UNRANKED)
    return math.log(bits) if bits else None


def _room(cap: int) -> Read:
    """Logarithm of what the artifact may have over what it has."""
    return lambda look: math.log(cap / look.bytes) if look.bytes else None


# --------------------------------------------------------------------------------- nanochat


def _missed_core(look: Look) -> float | None:
    """Logarithm of what is missing to a CORE of 1."""
    return None if look.score is None else math.log(1 - look.score)


def _first(parts: Sequence[Array]) -> Array:
    return parts[0]


READINGS: Mapping[str, Callable[[int], Reading]] = {
    "airbench": lambda cap: Reading(
        parts={f"seconds of {phase}": _seconds_of(phase) for phase in ("train", "inference")},
        score=_log_score,
        whole=_sum,
        barrier=Barrier(
            name="accuracy", read=_right, bar=lambda table: logit(threshold(table)), plain=rates
        ),
        pace=STARTS,
    ),
    "parameter_golf": lambda cap: Reading(
        parts={"bits per byte": _bits},
        score=_bits,
        whole=_first,
        barrier=Barrier(name="bytes", read=_room(cap), bar=lambda table: 0.0, limit=True),
        pace=[*STARTS, _log_of("steps_per_second")],
    ),
    "nanochat": lambda cap: Reading(
        parts={"what CORE misses": _missed_core}, score=_missed_core, whole=_first
    ),
}
"""By task; each is told how many bytes an artifact may have."""
