"""`autores ablate`: what does each step on the way to the best contribute?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean

from autores.claims.adding import add_trial, lay_aside
from autores.claims.measuring import Side, fresh_rounds, soundness
from autores.errors import UserError
from autores.events import Verified
from autores.readmodel.claims import ABLATION, SIMPLER
from autores.records import Direction, Interval, Purpose, Trial
from autores.run import Run
from autores.statistics import Comparison, Scale, compare, welch

BASELINE = 0
MARGIN = 0.5
"""In σ of one look: a simpler recipe that loses no more than this, for sure, wins the tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, and what becomes of the best without it."""

    trial: int
    hypothesis: str
    without: int | None = None
    """The trial that is the best without this step; None where later steps stand on it."""
    contributes: float | None = None
    """What the best loses without it, in the metric's unit; positive: the step helps."""
    p: float | None = None
    interval: Interval | None = None
    idle: bool = False
    """It does nothing that these looks can show."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """All steps from the baseline to a trial."""

    trial: int
    looks: int
    """At each recipe."""
    steps: tuple[Step, ...]
    simpler: int | None = None
    """The trial without all idle steps, if that is as good."""
    loses: float | None = None
    """What that one loses."""
    loses_at_most: float | None = None
    """The upper end of the interval."""


async def ablate_path(run: Run, trial: int | None, *, looks: int, error: float) -> Ablation:
    """Leave each step out of a trial, and measure all that come of it in turn.

    Args:
        run: Open for measuring.
        trial: Whose path; None for the best.
        looks: Fresh looks at each recipe.
        error: The one-sided significance from which a step is said to help.

    Raises:
        UserError: There is no best, or nothing lies between it and the baseline.
    """
    best = run.store.head().best if trial is None else trial
    path = [] if best is None else [t for t in run.store.path(best) if t.id != BASELINE]
    if best is None or not path:
        raise UserError("nothing was kept yet: there is no step to leave out; name a trial")
    left_out = {step.id: await _without(run, best, [step]) for step in path}
    ablated = [t for t in left_out.values() if isinstance(t, int)]
    sides = await fresh_rounds(run, (best, *ablated), looks, Purpose.VERIFY)
    steps = tuple(_judged(run, step, left_out[step.id], best, sides, error) for step in path)
    await _recorded(run, best, steps)
    return await _simplest(run, Ablation(trial=best, looks=looks, steps=steps))


async def _without(run: Run, best: int, steps: Sequence[Trial]) -> int | str:
    """A trial that is the best without some steps, or why there can be none."""
    files = run.code.tree(run.store.get(best).submission.commit).files()
    for step in reversed(steps):
        assert step.parent is not None
        before = run.store.get(step.parent).submission.commit
        files, conflicts = run.code.merge(step.submission.commit, files, before)
        if conflicts:
            return f"later steps stand on it: {', '.join(sorted(conflicts))}"
    names = ", ".join(str(step.id) for step in steps)
    known = _known(run, best, files)
    if known is not None:
        return known
    added = add_trial(
        run,
        files,
        (best,),
        hypothesis=f"Trial {best} without trial {names}",
        by=ABLATION,
        call=f"{best} without {names}",
    )
    try:
        return await added
    except UserError as error:
        return str(error)


def _known(run: Run, best: int, files: Mapping[str, bytes]) -> int | None:
    """A trial on the path that has these very files: with one step left out, the one before."""
    return next(
        (t.id for t in run.store.path(best) if run.code.tree(t.submission.commit).files() == files),
        None,
    )


def _judged(
    run: Run,
    step: Trial,
    without: int | str,
    best: int,
    sides: Mapping[int, Side],
    error: float,
) -> Step:
    hypothesis = step.submission.hypothesis
    if isinstance(without, str):
        return Step(trial=step.id, hypothesis=hypothesis, note=without)
    if without == best:
        return Step(
            trial=step.id,
            hypothesis=hypothesis,
            without=best,
            idle=True,
            note="later steps undid it",
        )
    broken = [check for check in soundness(run, sides[without]) if not check.holds]
    if broken:
        note = f"without it this does not hold: {broken[0].name} ({broken[0].detail})"
        return Step(trial=step.id, hypothesis=hypothesis, without=without, note=note)
    tested = _compared(run, sides[best], sides[without])
    return Step(
        trial=step.id,
        hypothesis=hypothesis,
        without=without,
        contributes=tested.effect,
        p=tested.p,
        interval=tested.interval,
        idle=tested.p > error,
    )


def _compared(run: Run, ours: Side, theirs: Side) -> Comparison:
    """By rounds, which share their seeds; on its own each side where a look of one failed."""
    one, other = _turned(run, ours), _turned(run, theirs)
    if ours.failed or theirs.failed or len(one) != len(other):
        return welch(one, other)
    differences = [a - b for a, b in zip(one, other, strict=True)]
    scale, rounds = Scale.of(differences), len(differences)
    return compare(fmean(differences), scale.sd / math.sqrt(rounds), scale.df)


def _turned(run: Run, side: Side) -> list[float]:
    """Numbers of which the larger are the better."""
    if len(side.numbers) < 2:
        raise UserError(f"trial {side.trial} measured fewer than two numbers; raise --looks")
    sign = 1.0 if run.task.metric.direction is Direction.MAXIMIZE else -1.0
    return [sign * number for number in side.numbers]


async def _recorded(run: Run, best: int, steps: Sequence[Step]) -> None:
    """The verdicts, and the end of the trials that were made for them."""
    events = [
        Verified(trial=best, against=step.without, verdict={"kind": ABLATION, **asdict(step)})
        for step in steps
        if step.without is not None
    ]
    await run.desk.append(lambda head: events)
    for step in steps:
        if step.without is not None:
            await _aside(run, step.without)


async def _aside(run: Run, trial: int) -> None:
    await lay_aside(run, trial, policy=ABLATION, reason="measured to see what a step contributes")


async def _simplest(run: Run, found: Ablation) -> Ablation:
    """Leave all idle steps out together; if that loses less than the margin, it wins."""
    idle = [run.store.get(step.trial) for step in found.steps if step.idle]
    without = await _without(run, found.trial, idle) if idle else found.trial
    if not isinstance(without, int) or without == found.trial:
        return found
    sides = await fresh_rounds(run, (found.trial, without), found.looks, Purpose.VERIFY)
    await _aside(run, without)
    if not all(check.holds for check in soundness(run, sides[without])):
        return found
    tested = _compared(run, sides[found.trial], sides[without])
    calibration = run.store.head().calibration
    margin = MARGIN * calibration.spread if calibration else 0.0
    loses, most = tested.effect, tested.interval.high
    wins, steps = most <= margin, [step.id for step in idle]
    verdict = {"kind": SIMPLER, "idle": steps, "wins": wins, "loses": loses, "loses_at_most": most}
    event = Verified(trial=found.trial, against=without, verdict=verdict)
    await run.desk.append(lambda head: (event,))
    simpler = without if wins else None
    return replace(found, simpler=simpler, loses=loses, loses_at_most=most)
