"""Matched arms: the same budget, seeds, calibration and executor; only what agents see differs.

Within a repeat they run at the same time, so that whatever drifts meanwhile drifts for all.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from autores.analysis import Analysis, analyse
from autores.arms import GENERALIST, GENERIC
from autores.baseline import BASELINE, ensure_baseline
from autores.claims.measuring import fresh_pairs
from autores.codec import canonical, from_json, strict_loads, to_json
from autores.config import SettingsBook, Value
from autores.errors import UserError
from autores.folder import RunFolder
from autores.loading import Loaded
from autores.manager import PluginManager
from autores.opening import Opened, begin, executor_of, inherit, opened, take_up
from autores.progress import progress
from autores.readmodel import Story, read
from autores.records import Cost, Direction, Interval
from autores.run import Run
from autores.sidebyside import Shared
from autores.statistics import Scale, compare
from autores.status import Status
from autores.stop import Stop
from autores.supervise import foremost, heeding_signals, supervise

SPECIALISTS = "specialists"
NO_LINEAGE = "no-lineage"
QUIET, SCREEN = "quiet", "live"
"""Reporters: of runs that go on at the same time none can have the screen."""
POINTS = 10
"""Of a curve, evenly over the trials."""
_BUDGETS = ("max_trials", "deadline", "max_tokens", "max_dollars", "max_gpu_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run of one arm."""

    arm: str
    repeat: int
    run: str
    ended: str
    trials: int
    keeps: int
    gain: float
    """Of the best over the baseline, as the run knew it; 0 where nothing was kept."""
    fresh_gain: float | None
    """The same on fresh, interleaved looks after the end: what chance chose is gone from it."""
    curve: tuple[float, ...]
    """Gain of the best after each tenth of the trials."""
    invalid_by_quarter: tuple[float, ...]
    """Share of trials without a score that ranks."""
    repairs_by_citation: int
    repairs_by_ancestry: int
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm against the first, repeat by repeat."""

    arm: str
    against: str
    repeats: int
    gain: float
    """Mean difference of the gains, in the metric's unit; positive: the arm is better."""
    interval: Interval | None
    """None with fewer than two repeats."""
    p: float | None
    """One-sided: the arm is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All runs of a comparison."""

    arms: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    differences: tuple[Difference, ...]


def settings_of(arm: str) -> Mapping[str, Any]:
    """The settings that make an arm.

    Raises:
        UserError: There is no such arm.
    """
    if arm == NO_LINEAGE:
        return {"arm": SPECIALISTS, "lineage": False}
    if arm in (SPECIALISTS, GENERALIST) or arm.startswith(GENERIC):
        return {"arm": arm, "lineage": True}
    known = ", ".join((SPECIALISTS, GENERALIST, f"{GENERIC}N", NO_LINEAGE))
    raise UserError(f"there is no arm {arm!r}; there are: {known}")


async def compare_arms(
    settings: SettingsBook,
    arms: Sequence[str],
    *,
    repeats: int,
    looks: int,
    name: str,
    plugins: Sequence[object] = (),
) -> Compared:
    """Run all arms side by side, so many times, and compare them repeat by repeat.

    What was measured stays: the same call goes on where it was.

    Args:
        settings: Of all runs.
        arms: The first is what the others are compared with.
        repeats: Runs of each arm.
        looks: Fresh looks at best and baseline after each run; 0: none.
        name: Of the comparison; its runs are called NAME-ARM-REPEAT.
        plugins: Objects with hooks, registered in each run.

    Raises:
        UserError: An arm is unknown or named twice, or nothing would end its runs.
    """
    if len(set(arms)) != len(arms) or len(arms) < 2:
        raise UserError("name at least two different arms with --arms")
    if not any(getattr(settings.run, budget) for budget in _BUDGETS):
        raise UserError("runs that are compared need the same budget: say --max-trials")
    for arm in arms:
        settings_of(arm)
    outcomes: list[Outcome] = []
    for repeat in range(repeats):
        books = {a: _book(settings, a, repeat, name) for a in _rotated(arms, repeat)}
        title = f"repeat {repeat + 1} of {repeats}, {len(arms)} arms"
        outcomes += await _Repeat(repeat, books, looks, plugins).played(arms[0], title)
    return Compared(
        arms=tuple(arms),
        outcomes=tuple(sorted(outcomes, key=lambda o: (arms.index(o.arm), o.repeat))),
        differences=tuple(_difference(outcomes, arm, arms[0]) for arm in arms[1:]),
    )


def _rotated(arms: Sequence[str], repeat: int) -> Sequence[str]:
    """Who comes first is not always the same."""
    first = repeat % len(arms)
    return [*arms[first:], *arms[:first]]


def _book(settings: SettingsBook, arm: str, repeat: int, name: str) -> SettingsBook:
    plain = arm.replace(":", "-")
    said = {**settings_of(arm), "name": f"{name}-{plain}-{repeat}", "store": ""}
    asked = settings.run.reporter
    said["reporter"] = QUIET if asked in ("", SCREEN) else asked
    seed = settings.run.seed
    if seed is not None:
        said["seed"] = seed + repeat
    values = {key: Value(value=value, source="the arm") for key, value in said.items()}
    return SettingsBook(settings.values | values, environment=settings.environment)


def _open_folder(book: SettingsBook, plugins: Sequence[object]) -> tuple[RunFolder, Loaded]:
    """A new run, or the one that is there."""
    manager = PluginManager()
    root = Path(book.run.out) / book.run.name
    if RunFolder(root).manifest.exists():
        folder, loaded = take_up(root, book, manager, accept_changes=False)
    else:
        folder, loaded = begin(book, manager)
    for number, plugin in enumerate(plugins):
        loaded.plugins.register(plugin, f"compared-{number}")
    return folder, loaded


async def _calibrated(book: SettingsBook, plugins: Sequence[object]) -> RunFolder:
    """The first arm's run, with a baseline that all arms share."""
    folder, loaded = _open_folder(book, plugins)
    async with opened(folder, loaded) as found:
        with progress("measure the seed recipe"):
            await ensure_baseline(found.run)
    return folder


@dataclass(frozen=True, slots=True)
class _Repeat:
    """All arms once, at the same time."""

    number: int
    books: Mapping[str, SettingsBook]
    """Of each arm, in the order in which they begin."""
    looks: int
    plugins: Sequence[object]

    async def played(self, first: str, title: str) -> list[Outcome]:
        """What came of each arm; those that have ended already are not run again."""
        source = await _calibrated(self.books[first], self.plugins)
        found = {arm: _open_folder(book, self.plugins) for arm, book in self.books.items()}
        known = {arm: self._known(arm, folder) for arm, (folder, _) in found.items()}
        open_runs = {arm: found[arm] for arm, outcome in known.items() if outcome is None}
        outcomes = [outcome for outcome in known.values() if outcome is not None]
        if not open_runs:
            return outcomes
        for folder, loaded in open_runs.values():
            if folder.root != source.root:
                inherit(folder, loaded, source)
        trials = self.books[first].run.max_trials
        with progress(title, trials and trials * len(open_runs)) as told:
            return outcomes + await self._side_by_side(open_runs, told)

    async def _side_by_side(
        self, runs: Mapping[str, tuple[RunFolder, Loaded]], told: Callable[[float], None]
    ) -> list[Outcome]:
        _, any_of_them = next(iter(runs.values()))
        executor = executor_of(any_of_them)
        shared = Shared(executor=executor, lease=any_of_them.limits().lease, told=told)
        stops = {arm: Stop() for arm in runs}
        for folder, loaded in runs.values():
            loaded.plugins.register(shared.member(folder.root.name), "side by side")
        work = asyncio.ensure_future(self._all(runs, stops))
        try:
            with heeding_signals(list(stops.values()), work):
                return await work
        finally:
            await executor.close()

    async def _all(
        self, runs: Mapping[str, tuple[RunFolder, Loaded]], stops: Mapping[str, Stop]
    ) -> list[Outcome]:
        """Nobody begins before all runs are open."""
        async with AsyncExitStack() as stack:
            found = {arm: await stack.enter_async_context(opened(*r)) for arm, r in runs.items()}
            try:
                async with asyncio.TaskGroup() as group:
                    work = [group.create_task(self._one(a, o, stops[a])) for a, o in found.items()]
            except BaseExceptionGroup as errors:
                raise foremost(errors) from errors
        return [task.result() for task in work]

    async def _one(self, arm: str, found: Opened, stop: Stop) -> Outcome:
        await supervise(found, stop, heeding=False)
        if stop.by_signal:
            raise UserError("interrupted; the same command goes on where this one was")
        outcome = await _outcome(found, arm, self.number, stop.reason, self.looks)
        kept = {"terms": self._terms(arm), "outcome": to_json(outcome)}
        found.run.folder.compared.write_bytes(canonical(kept))
        return outcome

    def _terms(self, arm: str) -> Mapping[str, Any]:
        budgets = {name: getattr(self.books[arm].run, name) for name in _BUDGETS}
        return {"looks": self.looks, **budgets}

    def _known(self, arm: str, folder: RunFolder) -> Outcome | None:
        """What came of a run that has ended under these terms: its fresh looks are made once."""
        if not folder.compared.exists():
            return None
        kept = strict_loads(folder.compared.read_bytes())
        return from_json(Outcome, kept["outcome"]) if kept["terms"] == self._terms(arm) else None


async def _outcome(found: Opened, arm: str, repeat: int, ended: str, looks: int) -> Outcome:
    run = found.run
    story = read(run.store, run.task, checked=False)
    analysis, best = analyse(story), story.head.best or BASELINE
    return Outcome(
        arm=arm,
        repeat=repeat,
        run=run.folder.root.name,
        ended=ended,
        trials=story.submitted,
        keeps=story.statuses.get(Status.KEEP, 0),
        gain=story.gain(best) or 0.0,
        fresh_gain=await _fresh_gain(run, best, looks),
        curve=tuple(_curve(story, analysis)),
        invalid_by_quarter=tuple(_invalid(analysis)),
        repairs_by_citation=len(analysis.repairs_by_citation),
        repairs_by_ancestry=len(analysis.repairs_by_ancestry),
        cost=story.head.spent,
    )


async def _fresh_gain(run: Run, best: int, looks: int) -> float | None:
    if not looks:
        return None
    if best == BASELINE:
        return 0.0
    ours, theirs = await fresh_pairs(run, best, BASELINE, looks, shown=False)
    if not ours.numbers or not theirs.numbers:
        return None
    sign = 1.0 if run.task.metric.direction is Direction.MAXIMIZE else -1.0
    return sign * (fmean(ours.numbers) - fmean(theirs.numbers))


def _curve(story: Story, analysis: Analysis) -> Iterator[float]:
    for point in range(1, POINTS + 1):
        after = story.submitted * point / POINTS
        reached = [step.gain for step in analysis.bests if step.after <= after]
        yield (reached[-1] if reached else None) or 0.0


def _invalid(analysis: Analysis) -> Iterator[float]:
    ranked = {str(status.value) for status in Status if status.ranked}
    for quarter in analysis.quarters:
        yield sum(n for s, n in quarter.statuses.items() if s not in ranked) / quarter.trials


def _difference(outcomes: Sequence[Outcome], arm: str, against: str) -> Difference:
    def gains(name: str) -> dict[int, float]:
        found = (o for o in outcomes if o.arm == name)
        return {o.repeat: o.gain if o.fresh_gain is None else o.fresh_gain for o in found}

    ours, theirs = gains(arm), gains(against)
    steps = [ours[repeat] - theirs[repeat] for repeat in sorted(ours)]
    if len(steps) < 2:
        mean = fmean(steps)
        return Difference(
            arm=arm, against=against, repeats=len(steps), gain=mean, interval=None, p=None
        )
    scale = Scale.of(steps)
    tested = compare(fmean(steps), scale.sd / math.sqrt(len(steps)), scale.df)
    return Difference(
        arm=arm,
        against=against,
        repeats=len(steps),
        gain=tested.effect,
        interval=tested.interval,
        p=tested.p,
    )
