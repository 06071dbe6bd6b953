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
from autores.statistics import rate_at_least
from autores.verify import Check

LEVEL = 0.95
MOST_LOOKS = 20
"""That a trial is given to pay a debt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What is missing for a proof."""

    reason: str
    looks: int = 0
    """So many more may bring it; 0: what was measured speaks against it."""


def fresh(looks: Iterable[Look]) -> list[Outcome]:
    """What the looks that a policy asked for have counted, valid or not; the first is not fresh."""
    return [
        look.outcome
        for look in looks
        if look.evaluation.purpose is Purpose.CONFIRM and look.outcome and look.outcome.counts
    ]


def unpaid(task: Task, counts: Mapping[str, int], looks: int) -> Lack | None:
    """The first debt that all looks at a trial together have left.

    More looks may pay it, unless it would take too many at the pace of those that there were.
    """
    for debt in task.debts:
        if left := debt.left(counts):
            few = left * looks <= MOST_LOOKS * counts.get(debt.paid, 0)
            reason = f"{debt.name}: {left:,} of {counts[debt.owed]:,} left"
            return Lack(reason=reason, looks=int(few))
    return None


def lack_of_proof(
    task: Task, outcomes: Sequence[Outcome], calibration: Calibration | None
) -> Lack | None:
    """The first gate that fresh looks do not prove to be passed; None if all are.

    Args:
        task: Its gates say how many looks a proof takes, and within which margin.
        outcomes: Of fresh looks at one trial.
        calibration: Where the gates' thresholds are known from.
    """
    thresholds = calibration.thresholds if calibration else {}
    lacks = (_lack(gate, outcomes, thresholds) for gate in task.gates)
    return next((lack for lack in lacks if lack is not None), None)


def _lack(gate: Gate, outcomes: Sequence[Outcome], thresholds: Mapping[str, str]) -> Lack | None:
    threshold = gate.at_least or thresholds.get(gate.name)
    if threshold is None or gate.proof_margin is None:
        return None
    if len(outcomes) < gate.proof_looks:
        missing = gate.proof_looks - len(outcomes)
        return Lack(reason=f"gate {gate.name}: {missing} more fresh looks are due", looks=missing)
    counts = pooled_counts(outcomes)
    if (short := gate.shortfall(counts, threshold)) > 0:
        return Lack(reason=f"gate {gate.name}: fresh looks are {short:,} short of {threshold}")
    bound = rate_at_least(counts[gate.hits], counts[gate.total], level=LEVEL)
    least = float(Fraction(threshold) - Fraction(gate.proof_margin))
    if bound < least:
        return Lack(
            reason=f"gate {gate.name}: fresh looks bound the rate by {bound:.4f}, below {least:.4f}"
        )
    return None


def paid(task: Task, counts: Mapping[str, int]) -> tuple[Check, ...]:
    """The same of debts: a check of each."""
    return tuple(
        Check(
            name=f"{debt.name} is paid",
            holds=not debt.left(counts),
            detail=f"{counts.get(debt.paid, 0):,} of {counts.get(debt.owed, 0):,}",
        )
        for debt in task.debts
    )


def proof(
    task: Task, outcomes: Sequence[Outcome], calibration: Calibration | None
) -> tuple[Check, ...]:
    """The same as a check of `autores verify`; none where no gate asks for a proof."""
    if all(gate.proof_margin is None for gate in task.gates):
        return ()
    lack = lack_of_proof(task, outcomes, calibration)
    detail = lack.reason if lack else ""
    return (Check(name="the gates are proven", holds=lack is None, detail=detail),)
