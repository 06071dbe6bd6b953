"""A run that is opened to measure: with its executor and its secret, and no agent of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from autores.calibrate import missed_gate, pooled_counts
from autores.config import SettingsBook, Value
from autores.errors import UserError
from autores.folder import RunFolder
from autores.laboratory import Wanted, jobs_of
from autores.manager import PluginManager
from autores.opening import opened, resolved
from autores.progress import progress
from autores.records import Gate, Look, Outcome, Purpose, Request, Split, Task
from autores.run import Run
from autores.status import Cause
from autores.verify import Check

NEEDS_NO_KEY = "evolve"
"""Nobody proposes here, and an agent that needs a key would ask for it."""
_WITHOUT_EFFECT = ("versions.agent:", "versions.reporter:", "versions.policy:")
RAN = (Cause.VALID, Cause.GATE)
"""Causes of looks that got as far as a number."""


@asynccontextmanager
async def measuring(
    root: Path, settings: SettingsBook, plugins: PluginManager, *, accept_changes: bool = False
) -> AsyncIterator[Run]:
    """Open a run that has a baseline.

    Args:
        root: Its folder.
        settings: What is said now lies over what the run was begun with, for this once.
        plugins: A fresh manager.
        accept_changes: Measure although code, data or machine have changed since.

    Raises:
        UserError: It is no run, has no baseline, is being worked on, or something changed.
    """
    said = {**settings.values, "agent": Value(value=NEEDS_NO_KEY, source="claims need no agent")}
    book = SettingsBook(said, environment=settings.environment)
    loaded, then, now = resolved(RunFolder(root), book, plugins)
    changes = [change for change in then.changes(now) if not change.startswith(_WITHOUT_EFFECT)]
    if changes and not accept_changes:
        raise UserError(
            f"since this run began something changed: {'; '.join(changes)}; "
            "measure all the same with --accept-changes"
        )
    async with opened(RunFolder(root), loaded) as found:
        if found.run.store.head().calibration is None:
            raise UserError(f"{root} has no baseline yet; `autores resume {root}` measures it")
        yield found.run


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Fresh looks at one trial."""

    trial: int
    outcomes: tuple[Outcome, ...]
    numbers: tuple[float, ...]
    """Of the looks that got as far as one, whether or not they pass the gates."""

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Looks that measured nothing."""
        return tuple(o for o in self.outcomes if o.cause not in RAN)


async def fresh_pairs(
    run: Run, trial: int, against: int, pairs: int, *, shown: bool = True
) -> tuple[Side, Side]:
    """Interleaved looks at two trials with seeds that had no part in any decision.

    Args:
        run: Open for measuring.
        trial: One of them.
        against: The other.
        pairs: How many looks at each.
        shown: Whether a bar says how far it is.
    """
    request = Request(trials=(trial, against), looks=pairs, purpose=Purpose.VERIFY)
    before = {t: run.store.get(t).evaluations for t in (trial, against)}
    bar = (
        progress(f"measure trials {trial} and {against}", 2 * pairs)
        if shown
        else nullcontext(_nobody)
    )
    with bar as advance:
        for wanted in jobs_of(request):
            await run.laboratory.measure(wanted)
            advance(len(wanted))
    ours, theirs = (_side(run, t, run.store.looks(t)[n:]) for t, n in before.items())
    return ours, theirs


def _nobody(more: float) -> None:
    """Is told how far it is, where no bar is shown."""


async def fresh_rounds(
    run: Run, trials: Sequence[int], looks: int, purpose: Purpose, split: Split = Split.EVALUATION
) -> Mapping[int, Side]:
    """So many looks at each of several trials, in turn, every second round backwards."""
    before = {trial: run.store.get(trial).evaluations for trial in trials}
    named = ", ".join(map(str, trials))
    with progress(f"measure trials {named}", looks * len(trials)) as advance:
        for number in range(looks):
            order = trials if number % 2 == 0 else tuple(reversed(trials))
            wanted = [Wanted(trial=t, purpose=purpose, pair=number, split=split) for t in order]
            await run.laboratory.measure(wanted)
            advance(len(wanted))
    return {t: _side(run, t, run.store.looks(t)[n:]) for t, n in before.items()}


def _side(run: Run, trial: int, looks: Iterable[Look]) -> Side:
    outcomes = tuple(look.outcome for look in looks if look.outcome is not None)
    numbers = (number_in(run.task, o) for o in outcomes if o.cause in RAN)
    return Side(trial=trial, outcomes=outcomes, numbers=tuple(n for n in numbers if n is not None))


def number_in(task: Task, outcome: Outcome) -> float | None:
    """The score, or what it would have been but for a gate, which pooled counts judge."""
    return outcome.score if outcome.score is not None else outcome.metrics.get(task.metric.name)


def soundness(run: Run, side: Side) -> tuple[Check, ...]:
    """Whether all looks at a trial ran, and pass the gates together."""
    calibration = run.store.head().calibration
    thresholds = calibration.thresholds if calibration else {}
    missed = missed_gate(run.task, pooled_counts(side.outcomes), thresholds)
    failed = side.failed
    detail = f"{len(failed)} of {len(side.outcomes)} did not: {failed[0].detail}" if failed else ""
    ran = Check(name=f"every look at trial {side.trial} runs", holds=not failed, detail=detail)
    return ran, _gated(side.trial, missed)


def _gated(trial: int, missed: tuple[Gate, int] | None) -> Check:
    detail = f"{missed[0].name}: {missed[1]:,} short" if missed else ""
    return Check(name=f"trial {trial} passes the gates", holds=missed is None, detail=detail)
