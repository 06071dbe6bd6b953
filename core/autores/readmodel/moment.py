"""How a run stands at this moment, for screens: kept up event by event, never longer.

A `Moment` remembers what no query answers quickly (who does what, how the best came to be);
everything else it asks of the view, whose queries are indexed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from autores.events import (
    Accepted,
    Calibrated,
    Decided,
    Demoted,
    Evaluated,
    Event,
    Gated,
    Head,
    Quarantined,
    Started,
)
from autores.lineage.store import Order, Query
from autores.lineage.view import LEADERS, UNFINISHED, LineageView
from autores.records import Evaluation, Metric, Phase, Purpose, Trial
from autores.status import Status, Verdict

CURVE = 400
"""Points of the running best that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What a specialist is at, and what came of its last trial."""

    specialist: str
    trial: int | None = None
    """In hand; None while it has not submitted."""
    what: str = ""
    """`gates`, `waiting`, `first`, `confirm`, …; `proposing` where a session works; else empty."""
    since: float = 0.0
    last: Trial | None = None
    finished: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """One look at a run that goes on."""

    metric: Metric
    head: Head
    baseline: float | None
    best: Trial | None
    lead: Trial | None
    doing: tuple[Doing, ...]
    measuring: int
    """Evaluations that have begun or wait for their machine."""
    queued: int
    """Trials at their gates."""
    recent: tuple[Trial, ...]
    """Latest first."""
    statuses: Mapping[Status | None, int]
    curve: tuple[float, ...]
    """Gain of what led over the baseline, at each change; 0 at the beginning."""

    @property
    def submitted(self) -> int:
        """Trials without the baseline."""
        return max(0, self.head.next_trial - 1)

    def gain(self, trial: Trial | None) -> float | None:
        """How much better than the baseline a trial is."""
        if trial is None or trial.score is None or self.baseline is None:
            return None
        if trial.id == 0:
            return 0.0
        return self.metric.direction.gain(self.baseline, trial.score)


@dataclass(slots=True)
class Moment:
    """Takes the events of a run as they come."""

    view: LineageView
    _running: dict[tuple[int, int], tuple[Evaluation, float]] = field(default_factory=dict)
    _phases: dict[int, tuple[str, str, float]] = field(default_factory=dict)
    """Trial in hand to specialist, phase and since when."""
    _curve: deque[float] = field(default_factory=lambda: deque(maxlen=CURVE))

    def __post_init__(self) -> None:
        """What happened before the first event that will come."""
        for trial in self.view.query(Query(phases=UNFINISHED)):
            self._phases[trial.id] = (
                trial.submission.specialist,
                "gates" if trial.phase is Phase.QUEUED else "waiting",
                trial.accepted_at,
            )
        for trial in reversed(self.view.query(_LATEST_LEADERS)):
            self._add_point(trial)

    def take(self, event: Event) -> None:
        """Note what an event changes. One that comes twice changes nothing the second time."""
        match event.body:
            case Accepted(trial=trial, submission=submission):
                if not self.view.trial(trial).finished:
                    self._phases[trial] = (submission.specialist, "gates", event.at)
            case Gated(trial=trial) | Demoted(trial=trial):
                self._settle(trial, "waiting", event.at)
            case Started(evaluation=evaluation):
                self._start(evaluation, event.at)
            case Evaluated(trial=trial, ordinal=ordinal):
                self._running.pop((trial, ordinal), None)
                self._settle(trial, "deciding", event.at)
            case Decided(trial=trial, decision=decision):
                self._settle(trial, "waiting", event.at)
                if decision.verdict in (Verdict.LEAD, Verdict.KEEP):
                    self._add_point(self.view.trial(trial))
        if isinstance(event.body, Calibrated | Demoted | Quarantined):
            self._add_point(self.view.trial(self.view.head))

    def now(self, *, recent: int, view: LineageView | None = None) -> Now:
        """How the run stands.

        Args:
            recent: How many of the last trials to show.
            view: A newer one, which knows who works now.
        """
        view = view or self.view
        head = view.standing
        tally = view.tally()
        statuses: dict[Status | None, int] = {}
        for (_, status), count in tally.items():
            statuses[status] = statuses.get(status, 0) + count
        best = None if head.best is None else view.trial(head.best)
        lead = None if head.lead is None else view.trial(head.lead)
        return Now(
            metric=view.task.metric,
            head=head,
            baseline=_baseline(view),
            best=best,
            lead=lead,
            doing=tuple(self._doing(view, name, tally) for name in _names(view, tally)),
            measuring=len(self._running),
            queued=sum(what == "gates" for _, what, _ in self._phases.values()),
            recent=view.recent(recent),
            statuses=statuses,
            curve=tuple(self._curve),
        )

    def _start(self, evaluation: Evaluation, at: float) -> None:
        key = (evaluation.trial, evaluation.ordinal)
        self._running[key] = (evaluation, at)
        if evaluation.trial in self._phases:
            who = self._phases[evaluation.trial][0]
            what = evaluation.purpose.value
            if evaluation.purpose is Purpose.FIRST:
                what = "first look"
            self._phases[evaluation.trial] = (who, what, at)

    def _settle(self, trial: int, what: str, at: float) -> None:
        if trial not in self._phases:
            return
        if self.view.trial(trial).finished:
            del self._phases[trial]
        else:
            self._phases[trial] = (self._phases[trial][0], what, at)

    def _add_point(self, trial: Trial) -> None:
        baseline = _baseline(self.view)
        if trial.score is None or baseline is None:
            return
        gain = self.view.task.metric.direction.gain(baseline, trial.score) if trial.id else 0.0
        if not self._curve or self._curve[-1] != gain:
            self._curve.append(gain)

    def _doing(
        self, view: LineageView, name: str, tally: Mapping[tuple[str, Status | None], int]
    ) -> Doing:
        last = next(iter(view.by_specialist(name, 1)), None)
        finished = sum(n for (who, status), n in tally.items() if who == name and status)
        mine = [(t, what, at) for t, (who, what, at) in self._phases.items() if who == name]
        if not mine:
            what = "proposing" if name in view.active else ""
            return Doing(specialist=name, what=what, last=last, finished=finished)
        trial, what, since = mine[-1]
        return Doing(
            specialist=name, trial=trial, what=what, since=since, last=last, finished=finished
        )


_LATEST_LEADERS = Query(statuses=LEADERS, order=Order.LATEST, limit=CURVE)


def _names(view: LineageView, tally: Mapping[tuple[str, Status | None], int]) -> list[str]:
    """The run's specialists in their order, then any that were there before."""
    others = {who for who, status in tally if status is not Status.BASELINE}
    return [*view.specialists, *sorted(others - {*view.specialists})]


def _baseline(view: LineageView) -> float | None:
    known = view.calibration
    if known is not None and known.score is not None:
        return known.score
    first = view.query(Query(before=1))
    return first[0].score if first else None
