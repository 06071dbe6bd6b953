"""Whether a trial passes its gates for sure, and not by the luck of the looks that chose it.

A recipe whose true rate lies exactly at a gate passes half of its looks; of many tries at it
the lucky ones are left. So what is to be kept or verified is held to its gates once more, on
fresh looks alone, and with a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from autores.calibrate import pooled_counts
from autores.records import Calibration, Gate, Look, Outcome, Purpose, Task
from autores.statistics import Comparison, rate_at_least
from autores.verify import Check, Condition

LEVEL = 0.95
FRESH = (Purpose.CONFIRM,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What is missing for a proof."""

    reason: str
    looks: int = 0
    """So many more may bring it; 0: what was measured speaks against it."""


def lack_of_proof(
    task: Task,
    looks: Iterable[Look],
    calibration: Calibration | None,
    purposes: Sequence[Purpose] = FRESH,
) -> Lack | None:
    """The first gate that fresh looks do not prove to be passed; None if all are.

    Args:
        task: Its gates say how many looks a proof takes, and within which margin.
        looks: All looks at the trial, in order.
        calibration: Where the gates' thresholds are known from.
        purposes: The looks that count as fresh.
    """
    fresh = [
        look.outcome
        for look in looks
        if look.outcome is not None and look.outcome.counts and look.evaluation.purpose in purposes
    ]
    thresholds = calibration.thresholds if calibration else {}
    lacks = (_lack(gate, fresh, thresholds) for gate in task.gates)
    return next((lack for lack in lacks if lack is not None), None)


def _lack(gate: Gate, fresh: Sequence[Outcome], thresholds: Mapping[str, str]) -> Lack | None:
    threshold = gate.at_least or thresholds.get(gate.name)
    if threshold is None or gate.proof_margin is None:
        return None
    if len(fresh) < gate.proof_looks:
        missing = gate.proof_looks - len(fresh)
        return Lack(reason=f"gate {gate.name}: {missing} more fresh looks are due", looks=missing)
    counts = pooled_counts(fresh)
    if (short := gate.shortfall(counts, threshold)) > 0:
        return Lack(reason=f"gate {gate.name}: fresh looks are {short:,} short of {threshold}")
    bound = rate_at_least(counts[gate.hits], counts[gate.total], level=LEVEL)
    least = float(Fraction(threshold) - Fraction(gate.proof_margin))
    if bound < least:
        return Lack(
            reason=f"gate {gate.name}: fresh looks bound the rate by {bound:.4f}, below {least:.4f}"
        )
    return None


def proves_gates(task: Task, looks: Iterable[Look], calibration: Calibration | None) -> Condition:
    """The same as a condition of `autores verify`, on the looks that verified."""
    lack = lack_of_proof(task, looks, calibration, (Purpose.VERIFY,))

    def check(tested: Comparison) -> Check:
        detail = lack.reason if lack else "passed on fresh looks, with the bound"
        return Check(name="gates", holds=lack is None, detail=detail)

    return check
