"""`autores verify`: is a trial better than another, on seeds that had no part in choosing it?"""

from __future__ import annotations

from autores.claims.measuring import Side, fresh_pairs, soundness
from autores.errors import UserError
from autores.events import Verified
from autores.proof import paid, proof
from autores.records import Trial
from autores.run import Run
from autores.verify import Check, Verification, verify

BASELINE = 0


async def verify_trial(
    run: Run,
    trial: int,
    *,
    against: int = BASELINE,
    seeds: int,
    error: float,
    first: bool = False,
) -> Verification:
    """Measure both sides in interleaved pairs, judge, and write the verdict into the lineage.

    Args:
        run: Open for measuring.
        trial: What is claimed to be better.
        against: Than this.
        seeds: Fresh looks at each side.
        error: The significance that the test must reach.
        first: Whether these may be the trial's first looks.

    Raises:
        UserError: The trials are the same, or one has nothing that can be measured.
    """
    for number in () if first else (trial, against):
        _require_measurable(run.store.get(number))
    if trial == against or seeds < 2:
        raise UserError("verify compares two different trials with at least two seeds each")
    ours, theirs = await fresh_pairs(run, trial, against, seeds)
    verdict = judged(run, ours, theirs, error)
    event = Verified(trial=trial, against=against, verdict=verdict.as_mapping())
    await run.desk.append(lambda head: (event,))
    return verdict


def judged(run: Run, ours: Side, theirs: Side, error: float) -> Verification:
    """The verdict on fresh looks: the test, the gates and their proof, the task's own terms."""
    calibration, trial = run.store.head().calibration, run.store.get(ours.trial)
    proven = (*proof(run.task, ours.outcomes, calibration), *paid(run.task, trial.counts))
    return verify(
        ours.numbers,
        theirs.numbers,
        direction=run.task.metric.direction,
        error=error,
        checks=(*soundness(run, ours), *proven, *_of_the_task(run, ours, theirs)),
    )


def _of_the_task(run: Run, ours: Side, theirs: Side) -> list[Check]:
    found = run.plugins.hook.autores_conditions(
        task=run.task, trial=ours.outcomes, against=theirs.outcomes
    )
    return [check for checks in found for check in checks]


def _require_measurable(trial: Trial) -> None:
    if trial.status is None or not trial.status.ran:
        told = "is not finished" if trial.status is None else "never ran"
        raise UserError(f"trial {trial.id} {told}: there is nothing to measure again")
