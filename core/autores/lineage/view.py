"""What plugins, policies and sessions read of a lineage: never the store itself.

The loop and its policies see all. A session sees what its arm shows: with lineage on, all
that is evidence; with lineage off, the tree and score of the trial that it started from,
which it knows as trial 0, and its own rows, numbered from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from autores.events import Head
from autores.lineage.select import arrange, matches
from autores.lineage.store import LineageStore, NoSuchTrial, Order, Query
from autores.records import (
    Calibration,
    Decision,
    Evaluation,
    Look,
    Phase,
    Submission,
    Task,
    Trial,
)
from autores.status import Cause, Status
from autores.steering import Course, Steering

Tally = Mapping[tuple[str, Status | None], int]

LEADERS = (Status.BASELINE, Status.LEAD, Status.KEEP)
UNFINISHED = (Phase.QUEUED, Phase.RUNNING, Phase.MEASURED)


class LineageView:
    """A lineage as one reader may see it, at each call as it stands then.

    May be used from any thread. What it returns are values.
    """

    def __init__(
        self,
        store: LineageStore,
        task: Task,
        *,
        lineage_on: bool = True,
        session: str = "",
        parent: int | None = None,
        ending: bool = False,
        specialists: tuple[str, ...] = (),
        active: tuple[str, ...] = (),
        steering: Steering | None = None,
    ) -> None:
        """Look at a store.

        Args:
            store: The lineage.
            task: What it is about.
            lineage_on: Whether sessions see more than their own rows.
            session: Whose eyes; empty for the loop's and the policies', which see all.
            parent: The trial that the session starts from; None for the head.
            ending: Whether this is the last milestone.
            specialists: Keys of the run's specialists.
            active: The keys of those that work now, one for each session.
            steering: Follows what people said of the course; None to find that anew.
        """
        self.task = task
        self.ending = ending
        self.specialists = specialists
        self.active = active if lineage_on or not session else ()
        self._store = store
        self._lineage_on = lineage_on
        self._steering = steering or Steering(store)
        self._alone = bool(session) and not lineage_on
        self._lens = _lens(store, task, lineage_on, session, parent)

    def for_session(self, session: str, parent: int | None = None) -> LineageView:
        """What a session may see that starts from `parent`, or from the head."""
        return LineageView(
            self._store,
            self.task,
            lineage_on=self._lineage_on,
            session=session,
            parent=parent,
            specialists=self.specialists,
            active=self.active,
            steering=self._steering,
        )

    # ---------------------------------------------------------------- where the run stands

    @property
    def standing(self) -> Head:
        """All of this and the sums; a session without lineage sees only who leads."""
        return self._lens.standing()

    @property
    def head(self) -> int:
        """The trial that leads; the baseline before any."""
        return self.lead or 0

    @property
    def lead(self) -> int | None:
        """The last lead or keep that holds, else the baseline; None before there is one."""
        return self._lens.standing().lead

    @property
    def best(self) -> int | None:
        """The last keep that holds, else a feasible baseline; None until there is one."""
        return self._lens.standing().best

    @property
    def calibration(self) -> Calibration | None:
        """What the seed recipe measured."""
        return self._lens.calibration()

    @property
    def error_spent(self) -> float:
        """The chance of a false keep that all decisions so far have spent."""
        return self._lens.standing().error_spent

    @property
    def course(self) -> Course:
        """What people said of the run's course; nothing to a session without lineage."""
        return Course() if self._alone else self._steering.course

    # -------------------------------------------------------------------------- one trial

    def trial(self, trial: int) -> Trial:
        """One trial.

        Raises:
            NoSuchTrial: There is none of that number, or none that this view shows.
        """
        return self._lens.get(trial)

    def looks(self, trial: int) -> tuple[Look, ...]:
        """The evaluations of a trial, in order; `NoSuchTrial` as above."""
        return self._lens.looks(trial)

    def path(self, trial: int, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root along first parents to the trial; of that the last `limit`."""
        return self._lens.path(trial, limit)

    # ------------------------------------------------------------------------ many trials

    def children(self, trial: int, limit: int | None = None) -> tuple[Trial, ...]:
        """Trials that edited this one's tree, newest first."""
        return self.query(Query(parent=trial, order=Order.NEWEST, limit=limit))

    def recent(self, limit: int) -> tuple[Trial, ...]:
        """The trials that finished last, latest first."""
        return self.query(Query(order=Order.LATEST, limit=limit))

    def pending(self, limit: int | None = None) -> tuple[Trial, ...]:
        """Trials that are not finished, oldest first."""
        return self.query(Query(phases=UNFINISHED, limit=limit))

    def leaderboard(self, limit: int) -> tuple[Trial, ...]:
        """Baseline, leads and keeps, best score first."""
        return self.query(Query(statuses=LEADERS, order=Order.BEST, limit=limit))

    def by_specialist(self, specialist: str, limit: int) -> tuple[Trial, ...]:
        """The finished trials of a specialist, latest first."""
        return self.query(Query(specialist=specialist, order=Order.LATEST, limit=limit))

    def by_status(self, status: Status, limit: int) -> tuple[Trial, ...]:
        """The trials of a status, latest first."""
        return self.query(Query(statuses=(status,), order=Order.LATEST, limit=limit))

    def search(self, text: str, limit: int) -> tuple[Trial, ...]:
        """Trials in whose hypothesis each of these words begins a word, newest first."""
        return self.query(Query(text=text, order=Order.NEWEST, limit=limit))

    def query(self, query: Query) -> tuple[Trial, ...]:
        """Any other question, answered with what this view shows."""
        return self._lens.select(query)

    def tally(self) -> Tally:
        """How many trials there are per specialist and status; only counts above 0."""
        return self._lens.tally()

    # ---------------------------------------------------------------------------- numbers

    def number(self, trial: int) -> int:
        """How this view numbers a trial of the store.

        Raises:
            NoSuchTrial: It does not show it.
        """
        return self._lens.number(trial)

    def stored(self, trial: int) -> int:
        """The store's number of a trial of this view.

        Raises:
            NoSuchTrial: There is none of that number.
        """
        return self._lens.stored(trial)

    def shown(self, trial: int) -> Trial:
        """A trial by the store's number, as this view shows it to who submitted it.

        A session is told what became of its own submission, also where that is no evidence.
        """
        return self._lens.shown(trial)


# -------------------------------------------------------------------------------- lenses


class _Lens(Protocol):
    """What a reader sees."""

    def standing(self) -> Head: ...

    def calibration(self) -> Calibration | None: ...

    def get(self, trial: int) -> Trial: ...

    def looks(self, trial: int) -> tuple[Look, ...]: ...

    def path(self, trial: int, limit: int | None) -> tuple[Trial, ...]: ...

    def select(self, query: Query) -> tuple[Trial, ...]: ...

    def tally(self) -> Tally: ...

    def number(self, trial: int) -> int: ...

    def stored(self, trial: int) -> int: ...

    def shown(self, trial: int) -> Trial: ...


def _lens(
    store: LineageStore, task: Task, lineage_on: bool, session: str, parent: int | None
) -> _Lens:
    if not session:
        return _All(store)
    if lineage_on:
        return _Evidence(store)
    return _Alone(store, task, session, parent)


class _All:
    """The loop and the policies see everything."""

    def __init__(self, store: LineageStore) -> None:
        self._store = store

    def standing(self) -> Head:
        return self._store.head()

    def calibration(self) -> Calibration | None:
        return self._store.head().calibration

    def get(self, trial: int) -> Trial:
        return self._store.get(trial)

    def looks(self, trial: int) -> tuple[Look, ...]:
        return self._store.looks(trial)

    def path(self, trial: int, limit: int | None) -> tuple[Trial, ...]:
        return self._store.path(trial, limit=limit)

    def select(self, query: Query) -> tuple[Trial, ...]:
        return self._store.query(query)

    def tally(self) -> Tally:
        return self._store.tally()

    def number(self, trial: int) -> int:
        return self._store.get(trial).id

    def stored(self, trial: int) -> int:
        return self.get(trial).id

    def shown(self, trial: int) -> Trial:
        return self._store.get(trial)


class _Evidence(_All):
    """Sessions never see what was quarantined or was our own failure."""

    def get(self, trial: int) -> Trial:
        found = self._store.get(trial)
        if not found.visible:
            raise NoSuchTrial(trial)
        return found

    def looks(self, trial: int) -> tuple[Look, ...]:
        return tuple(_bare(look, trial) for look in self._store.looks(self.get(trial).id))

    def path(self, trial: int, limit: int | None) -> tuple[Trial, ...]:
        found = self._store.path(self.get(trial).id, limit=limit)
        return tuple(t for t in found if t.visible)

    def select(self, query: Query) -> tuple[Trial, ...]:
        return self._store.query(replace(query, visible=True))

    def tally(self) -> Tally:
        return self._store.tally(visible=True)


class _Alone:
    """Lineage off: the tree and score of the start, and the session's own rows."""

    def __init__(self, store: LineageStore, task: Task, session: str, parent: int | None) -> None:
        self._store = store
        self._task = task
        self._session = session
        self._start = (store.head().lead or 0) if parent is None else parent

    def standing(self) -> Head:
        """The start leads, until a row of this session does."""
        rows = self._rows()
        feasible = 0 if rows[0].cause is Cause.VALID else None
        leads = (t.id for t in rows.values() if t.status in (Status.LEAD, Status.KEEP))
        keeps = (t.id for t in rows.values() if t.status is Status.KEEP)
        return Head(lead=max(leads, default=0), best=max(keeps, default=feasible))

    def calibration(self) -> Calibration | None:
        """Noise and gates; the seed recipe's score is another trial's."""
        known = self._store.head().calibration
        return known if known is None or self._start == 0 else replace(known, score=None)

    def get(self, trial: int) -> Trial:
        found = self._rows().get(trial)
        if found is None or not found.visible:
            raise NoSuchTrial(trial)
        return found

    def looks(self, trial: int) -> tuple[Look, ...]:
        if self.get(trial).id == 0:
            return ()
        return tuple(_bare(look, trial) for look in self._store.looks(self.stored(trial)))

    def path(self, trial: int, limit: int | None) -> tuple[Trial, ...]:
        found = [self.get(trial)]
        while (parent := found[0].parent) is not None and len(found) != limit:
            found.insert(0, self._rows()[parent])
        return tuple(found)

    def select(self, query: Query) -> tuple[Trial, ...]:
        known = (t for t in self._rows().values() if t.visible and matches(t, query))
        return arrange(known, query, self._task.metric.direction)

    def tally(self) -> Tally:
        counts: dict[tuple[str, Status | None], int] = {}
        for trial in self.select(Query()):
            key = (trial.submission.specialist, trial.status)
            counts[key] = counts.get(key, 0) + 1
        return counts

    def number(self, trial: int) -> int:
        known = self._stored_ids()
        if trial not in known:
            raise NoSuchTrial(trial)
        return known.index(trial)

    def stored(self, trial: int) -> int:
        known = self._stored_ids()
        if not 0 <= trial < len(known):
            raise NoSuchTrial(trial)
        return known[trial]

    def shown(self, trial: int) -> Trial:
        return self._rows()[self.number(trial)]

    def _own(self) -> tuple[Trial, ...]:
        return self._store.query(Query(session=self._session))

    def _stored_ids(self) -> list[int]:
        own = (trial.id for trial in self._own())
        return [self._start, *(trial for trial in own if trial != self._start)]

    def _rows(self) -> dict[int, Trial]:
        """What is shown, by the number that it is shown under."""
        ids = self._stored_ids()
        start = self._store.get(self._start)
        own = (trial for trial in self._own() if trial.id != self._start)
        rows = {0: _as_start(start)}
        return rows | {n: self._as_own(t, n, ids, start) for n, t in enumerate(own, start=1)}

    def _as_own(self, trial: Trial, number: int, ids: list[int], start: Trial) -> Trial:
        """Without what would tell of trials that are hidden: ids, and where the run stands."""
        known = {stored: n for n, stored in enumerate(ids)}
        submission = trial.submission
        score, level = trial.first_score, start.score
        gain = self._task.metric.direction.gain
        return replace(
            trial,
            id=number,
            submission=replace(
                submission,
                parents=tuple(known.get(p, 0) for p in submission.parents),
                cites=tuple(known[c] for c in submission.cites if c in known),
            ),
            depth=trial.depth - start.depth,
            delta=None if score is None or level is None else gain(level, score),
            decision=None if trial.decision is None else _verdict(trial.decision),
            marks={},
        )


def _as_start(trial: Trial) -> Trial:
    """Tree and score alone, as if the lineage began here."""
    submission = Submission(
        commit=trial.submission.commit,
        parents=(),
        hypothesis="",
        specialist="",
        session="",
        call="",
    )
    return Trial(
        id=0,
        submission=submission,
        phase=Phase.FINISHED,
        cause=trial.cause,
        status=Status.BASELINE,
        first_score=trial.first_score,
        score=trial.score,
        accepted_at=0.0,
        finished_at=0.0,
    )


def _verdict(decision: Decision) -> Decision:
    return Decision(verdict=decision.verdict, policy=decision.policy, reason=decision.reason)


def _bare(look: Look, trial: int) -> Look:
    """What was measured, without where and beside what."""
    evaluation = look.evaluation
    bare = Evaluation(
        trial=trial,
        ordinal=evaluation.ordinal,
        purpose=evaluation.purpose,
        commit=evaluation.commit,
        seeds=(),
        split=evaluation.split,
        attempt=evaluation.attempt,
        hardware=evaluation.hardware,
        profile=evaluation.profile,
        trust=evaluation.trust,
    )
    return replace(look, evaluation=bare)
