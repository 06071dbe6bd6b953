"""`autores certify`: the one look at data that nobody, and nothing, has chosen by."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from autores.claims.measuring import fresh_rounds
from autores.claims.verifying import BASELINE, judged
from autores.errors import UserError
from autores.events import Certified
from autores.records import Purpose, Split
from autores.run import Run
from autores.verify import Verification

NO_NEW_DATA = "not certified on new data: the task has no part that was held back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the best is worth where nothing was ever chosen by its score."""

    trial: int
    on: str
    """What was looked at; empty where there is no certification part."""
    verdict: Verification
    claimed: float | None
    """The gain over the baseline as the run knew it."""
    shrinkage: float | None
    """The share of that which is not there on the certification part."""
    forced: bool


async def certify_best(
    run: Run, *, trial: int | None, seeds: int, error: float, force: bool
) -> Certificate:
    """Score baseline and best once on the certification part.

    Args:
        run: Open for measuring.
        trial: What to certify; None for the best.
        seeds: Looks at each side.
        error: The significance that the gain must reach.
        force: Look although somebody has looked before; that is recorded.

    Raises:
        UserError: There is no best but the baseline, or this would be a second look.
    """
    best = run.store.head().best if trial is None else trial
    if best in (None, BASELINE):
        raise UserError("nothing was kept: there is no gain to certify")
    assert best is not None
    before = _looked_before(run)
    if before and not force:
        raise UserError(
            f"trial {before[0].trial} was certified before: a second look at the same data would "
            "choose by it; --force looks all the same, and is recorded"
        )
    data_dir = run.settings.environment.data_dir
    found = run.plugins.hook.autores_certification(task=run.task, data_dir=data_dir)
    part: str = found or ""
    split = Split.CERTIFICATION if part else Split.EVALUATION
    claimed = _claimed(run, best)
    sides = await fresh_rounds(run, (best, BASELINE), seeds, Purpose.CERTIFY, split)
    verdict = judged(run, sides[best], sides[BASELINE], error)
    certificate = Certificate(
        trial=best,
        on=part,
        verdict=verdict,
        claimed=claimed,
        shrinkage=1 - verdict.effect / claimed if claimed else None,
        forced=bool(before),
    )
    event = Certified(trial=best, verdict=asdict(certificate), forced=bool(before))
    await run.desk.append(lambda head: (event,))
    return certificate


def _looked_before(run: Run) -> list[Certified]:
    found: list[Certified] = []
    seq = 0
    while events := run.store.since(seq):
        found += [event.body for event in events if isinstance(event.body, Certified)]
        seq = events[-1].seq
    return found


def _claimed(run: Run, best: int) -> float | None:
    """The difference of the scores as they rank, before anything new is measured."""
    calibration, score = run.store.head().calibration, run.store.get(best).score
    if calibration is None or calibration.score is None or score is None:
        return None
    return run.task.metric.direction.gain(calibration.score, score)
