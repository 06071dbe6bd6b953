"""Trial 0: the seed recipe, gated, measured and calibrated before anybody improves it."""

from __future__ import annotations

from pathlib import Path

from autores.calibrate import calibration_of, ran
from autores.errors import RunFailed
from autores.events import Accepted, Body, Calibrated, Gated, Head
from autores.laboratory import Wanted
from autores.records import (
    Calibration,
    Outcome,
    Phase,
    Purpose,
    Severity,
    Specialist,
    Submission,
)
from autores.run import Run

BASELINE = 0
SEED = Specialist(key="seed", title="The recipe as it came", surfaces=("*",))


async def ensure_baseline(run: Run) -> None:
    """See to it that trial 0 is there and calibrated for this hardware and world.

    Raises:
        RunFailed: The seed recipe is refused by the gates, or does not run.
    """
    if run.store.head().next_trial == BASELINE:
        await _accept(run)
    if run.store.get(BASELINE).phase is Phase.QUEUED:
        await _pass_gates(run)
    if not _is_calibrated(run):
        await _calibrate(run)


async def recalibrate(run: Run, looks: int) -> None:
    """Look at the seed recipe so many times more, and calibrate from all looks made here."""
    await ensure_baseline(run)
    if looks:
        await _look(run, looks)
        await _calibrate(run)


async def _accept(run: Run) -> None:
    commit = await run.desk.code(lambda code: code.seed(Path(run.task.recipe.path)))
    submission = Submission(
        commit=commit,
        tree=run.code.tree(commit).id,
        parents=(),
        hypothesis="The recipe as it came",
        specialist=SEED.key,
        session="",
        call="seed",
    )

    def accepted(head: Head) -> tuple[Body, ...]:
        return (Accepted(trial=BASELINE, submission=submission),) if not head.next_trial else ()

    await run.desk.append(accepted)


async def _pass_gates(run: Run) -> None:
    violations = await run.gates.check(run.store.get(BASELINE).submission, SEED)
    refused = [v for v in violations if v.severity is Severity.REFUSE]
    gated = Gated(trial=BASELINE, violations=tuple(violations))
    if refused:
        raise RunFailed(f"the gates refuse the seed recipe: {refused[0]}")
    await _look(run, run.task.calibration_looks, gated)


async def _look(run: Run, count: int, *after: Body) -> None:
    wanted = Wanted(trial=BASELINE, purpose=Purpose.CALIBRATE)
    await run.laboratory.measure([wanted] * count, after=after)


def _is_calibrated(run: Run) -> bool:
    known = run.store.head().calibration
    return known is not None and _circumstances(known) == _wanted(run)


def _wanted(run: Run) -> tuple[str, str, str]:
    conditions = run.laboratory.conditions
    return run.task.profile, conditions.world, conditions.hardware


def _circumstances(calibration: Calibration) -> tuple[str, str, str]:
    return calibration.profile, calibration.world, calibration.hardware


async def _calibrate(run: Run) -> None:
    """From the looks that were made here; those that are missing are made first."""
    missing = run.task.calibration_looks - len(_outcomes(run))
    if missing > 0:
        await _look(run, missing)
    outcomes = _outcomes(run)
    failed = next((outcome for outcome in outcomes if not ran([outcome])), None)
    if failed is not None:
        where = run.folder.trial(BASELINE)
        raise RunFailed(
            f"the seed recipe does not run: {failed.cause.value}: {failed.detail or 'see its log'}; "
            f"logs lie in {where}"
        )
    conditions = run.laboratory.conditions
    calibration = calibration_of(
        run.task, outcomes, world=conditions.world, hardware=conditions.hardware
    )
    await run.desk.append(lambda head: (Calibrated(calibration=calibration),))


def _outcomes(run: Run) -> list[Outcome]:
    """Of the calibrating looks under the present circumstances."""
    return [
        look.outcome
        for look in run.store.looks(BASELINE)
        if look.outcome is not None
        and look.evaluation.purpose is Purpose.CALIBRATE
        and (look.evaluation.profile, look.evaluation.world, look.evaluation.hardware)
        == _wanted(run)
    ]
