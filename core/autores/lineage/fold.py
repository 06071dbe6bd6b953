"""From events to trials and head: the one place that says what an event means.

Pure: a step reads the rows that an event touches and returns what they become. Every store
applies it within the transaction that appends the event, and an audit folds all of it anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from autores.events import (
    Accepted,
    Body,
    Calibrated,
    Charged,
    Created,
    Decided,
    Demoted,
    Evaluated,
    Event,
    Gated,
    Head,
    Marked,
    Quarantined,
    Started,
)
from autores.lineage.store import DuplicateSubmission, Misfit
from autores.records import Cost, Evaluation, Look, Outcome, Phase, Severity, Split, Trial
from autores.status import Cause, Status, Verdict, status_of

R = TypeVar("R", "Entry", Trial)

BASELINE = 0
_BASELINE_SINCE = 1
"""The baseline stands behind every lead and keep: event 1 creates the lineage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A trial, and what only the fold must know of it."""

    trial: Trial
    scores: tuple[float, ...] = ()
    """Of the valid looks on the evaluation split, in order."""
    verdict: Verdict | None = None
    """The latest that was not `measure`."""
    demoted: bool = False
    leading: int = 0
    """The event since which it is a lead or keep without interruption; 0: it is neither."""
    kept: int = 0
    """The event since which it is a keep without interruption; 0: it is none."""
    running: tuple[Evaluation, ...] = ()
    """Evaluations without outcome."""

    @property
    def unsettled(self) -> bool:
        """Whether something is still to happen to it."""
        decision = self.trial.decision
        asked = decision is not None and decision.verdict is Verdict.MEASURE
        return not self.trial.finished or bool(self.running) or asked


class Rows(Protocol):
    """What a step reads: the lineage before the event."""

    def entry(self, trial: int) -> Entry:
        """One trial; `NoSuchTrial` where there is none."""
        ...

    def accepted(self, session: str, call: str) -> int | None:
        """The trial that a session's call was accepted as."""
        ...

    def offspring(self, trial: int) -> tuple[int, ...]:
        """The trials that name it among their parents."""
        ...

    def leaders(self) -> Iterator[tuple[int, int]]:
        """`leading` and id of every entry that has one, latest first."""
        ...

    def keeps(self) -> Iterator[tuple[int, int]]:
        """`kept` and id of every entry that has one, latest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an event does."""

    head: Head
    entries: tuple[Entry, ...] = ()
    """As they become."""
    before: Mapping[int, Entry]
    """As they were; a trial that begins is not in it."""


def step(event: Event, head: Head, rows: Rows) -> Change:
    """What `event`, the next after `head`, changes.

    Raises:
        Misfit: It cannot happen here.
        DuplicateSubmission: The submission was accepted before.
        NoSuchTrial: It speaks of a trial that there is not.
    """
    if isinstance(event.body, Created) != (head.seq == 0):
        raise Misfit("the first event, and no other, creates the lineage; use `create`")
    changed = tuple(_settled(entry, event) for entry in _touched(event, head, rows))
    known = (entry.trial.id for entry in changed if entry.trial.id < head.next_trial)
    before = {trial: rows.entry(trial) for trial in known}
    return Change(head=_head(event, head, changed, before, rows), entries=changed, before=before)


# ------------------------------------------------------------------------------- trials


def _touched(event: Event, head: Head, rows: Rows) -> tuple[Entry, ...]:
    """The entries that an event speaks of, with what it says of them."""
    match event.body:
        case Accepted() as body:
            return (_accepted(body, event.at, head, rows),)
        case Gated() as body:
            return (_gated(body, rows.entry(body.trial)),)
        case Started(evaluation=evaluation):
            return (_started(evaluation, rows.entry(evaluation.trial)),)
        case Evaluated() as body:
            return (_evaluated(body, rows.entry(body.trial), head, rows),)
        case Decided() as body:
            return (_decided(body, rows.entry(body.trial)),)
        case Demoted() as body:
            return (_demoted(body, rows.entry(body.trial)),)
        case Quarantined() as body:
            return tuple(_quarantined(body, rows))
        case Calibrated() as body if head.next_trial > BASELINE:
            return _calibrated(body, rows.entry(BASELINE))
        case Marked(trial=int() as trial) as body:
            entry = rows.entry(trial)
            marks = {**entry.trial.marks, body.name: body.text}
            return (replace(entry, trial=replace(entry.trial, marks=marks)),)
    return ()


def _accepted(body: Accepted, at: float, head: Head, rows: Rows) -> Entry:
    submission = body.submission
    known = rows.accepted(submission.session, submission.call)
    if known is not None:
        raise DuplicateSubmission(known)
    if body.trial != head.next_trial:
        raise Misfit(f"the next trial is {head.next_trial}, not {body.trial}")
    parents = [rows.entry(parent).trial for parent in submission.parents]
    trial = Trial.accept(
        body.trial,
        submission,
        arm=body.arm,
        at=at,
        depth=parents[0].depth + 1 if parents else 0,
    )
    inherited = next((p.quarantined for p in parents if p.quarantined), "")
    return Entry(trial=replace(trial, quarantined=inherited))


def _gated(body: Gated, entry: Entry) -> Entry:
    trial = entry.trial
    if trial.finished or trial.evaluations:
        raise Misfit(f"trial {trial.id} is past its gates")
    if body.cause is Cause.VALID:
        return _with(entry, trial=_with(trial, violations=body.violations))
    refused = (v for v in body.violations if v.severity is Severity.REFUSE)
    said = str(next(refused, ""))
    return replace(
        entry, trial=replace(trial, violations=body.violations, cause=body.cause, detail=said)
    )


def _started(evaluation: Evaluation, entry: Entry) -> Entry:
    trial = entry.trial
    earlier = next((e for e in entry.running if e.ordinal == evaluation.ordinal), None)
    if earlier is None and evaluation.ordinal != trial.evaluations:
        raise Misfit(f"the next evaluation of trial {trial.id} is number {trial.evaluations}")
    if earlier is not None and evaluation.attempt <= earlier.attempt:
        raise Misfit(f"attempt {evaluation.attempt} of {evaluation.id} has begun before")
    others = tuple(e for e in entry.running if e is not earlier)
    trial = replace(trial, evaluations=max(trial.evaluations, evaluation.ordinal + 1))
    return replace(entry, trial=trial, running=(*others, evaluation))


def _evaluated(body: Evaluated, entry: Entry, head: Head, rows: Rows) -> Entry:
    key = (body.ordinal, body.attempt)
    ended = next((e for e in entry.running if (e.ordinal, e.attempt) == key), None)
    if ended is None:
        raise Misfit(f"no such evaluation of trial {body.trial} is running: {key}")
    outcome, trial = body.outcome, entry.trial
    trial = replace(trial, looks=trial.looks + 1, cost=trial.cost + body.cost)
    if ended.split is Split.EVALUATION:
        trial = _looked(trial, outcome)
        if outcome.score is not None:
            entry = replace(entry, scores=(*entry.scores, outcome.score))
    if body.ordinal == 0:
        trial = _first_looked(trial, outcome, head, rows)
    running = tuple(e for e in entry.running if e is not ended)
    return replace(entry, trial=trial, running=running)


def _looked(trial: Trial, outcome: Outcome) -> Trial:
    counts = dict(trial.counts)
    for name, count in outcome.counts.items():
        counts[name] = counts.get(name, 0) + count
    artifact = outcome.artifact or trial.artifact
    return replace(trial, counts=counts, metrics=outcome.metrics, artifact=artifact)


def _first_looked(trial: Trial, outcome: Outcome, head: Head, rows: Rows) -> Trial:
    """A later look that fails says nothing of what the first one found: it is judged."""
    return replace(
        trial,
        cause=outcome.cause,
        detail=outcome.detail,
        first_score=outcome.score,
        delta=_gain(trial.id, outcome.score, head, rows),
    )


def _gain(trial: int, score: float | None, head: Head, rows: Rows) -> float | None:
    if score is None or head.lead in (None, trial) or head.created is None:
        return None
    incumbent = rows.entry(head.lead).trial.score if head.lead is not None else None
    if head.lead == BASELINE and head.calibration is not None:
        incumbent = head.calibration.score if head.calibration.score is not None else incumbent
    return None if incumbent is None else head.created.direction.gain(incumbent, score)


def _decided(body: Decided, entry: Entry) -> Entry:
    verdict = body.decision.verdict
    if entry.trial.cause is None:
        raise Misfit(f"trial {body.trial} has no outcome to decide on")
    return replace(
        entry,
        trial=replace(entry.trial, decision=body.decision),
        verdict=entry.verdict if verdict is Verdict.MEASURE else verdict,
    )


def _demoted(body: Demoted, entry: Entry) -> Entry:
    if body.cause is Cause.VALID:
        raise Misfit(f"the demotion of trial {body.trial} names no cause")
    trial = replace(entry.trial, cause=body.cause, detail=body.reason)
    return replace(entry, trial=trial, demoted=True)


def _quarantined(body: Quarantined, rows: Rows) -> Iterator[Entry]:
    """The trial and all that descends from it; what is quarantined already keeps its reason."""
    waiting, seen = [body.trial], {body.trial}
    while waiting:
        entry = rows.entry(waiting.pop())
        yield replace(
            entry,
            trial=replace(entry.trial, quarantined=entry.trial.quarantined or body.reason or "?"),
        )
        young = [t for t in rows.offspring(entry.trial.id) if t not in seen]
        seen.update(young)
        waiting.extend(young)


def _calibrated(body: Calibrated, baseline: Entry) -> tuple[Entry, ...]:
    """Calibration, not its first look, says whether the baseline passes the gates."""
    if baseline.demoted or baseline.trial.status is not Status.BASELINE:
        return ()
    cause = Cause.VALID if body.calibration.feasible else Cause.GATE
    return (replace(baseline, trial=replace(baseline.trial, cause=cause)),)


def _settled(entry: Entry, event: Event) -> Entry:
    """What follows from what is known of a trial: status, phase, score and standing."""
    trial = entry.trial
    status = status_of(trial.cause, entry.verdict, baseline=trial.id == BASELINE)
    hidden = bool(trial.quarantined)
    ranked = status is not None and status.ranked and not hidden
    finished = trial.finished or status is not None
    return _with(
        entry,
        trial=_with(
            trial,
            status=status,
            score=sum(entry.scores) / len(entry.scores) if ranked and entry.scores else None,
            phase=_phase(entry, finished),
            finished_at=trial.finished_at if trial.finished or not finished else event.at,
        ),
        leading=_since(entry.leading, status, (Status.LEAD, Status.KEEP), event.seq, hidden),
        kept=_since(entry.kept, status, (Status.KEEP,), event.seq, hidden or _infeasible(trial)),
    )


def _with(record: R, **fields: Any) -> R:
    """The record itself where nothing is new: most events leave most of a trial alone."""
    new = {name: value for name, value in fields.items() if getattr(record, name) != value}
    return replace(record, **new) if new else record


def _phase(entry: Entry, finished: bool) -> Phase:
    if finished:
        return Phase.FINISHED
    if entry.running:
        return Phase.RUNNING
    return Phase.MEASURED if entry.trial.looks else Phase.QUEUED


def _infeasible(trial: Trial) -> bool:
    return trial.cause is not Cause.VALID


def _since(
    since: int, status: Status | None, standing: tuple[Status, ...], seq: int, barred: bool
) -> int:
    if barred:
        return 0
    if status is Status.BASELINE:
        return _BASELINE_SINCE
    return (since or seq) if status in standing else 0


# --------------------------------------------------------------------------------- head


def _head(
    event: Event,
    head: Head,
    changed: tuple[Entry, ...],
    before: Mapping[int, Entry],
    rows: Rows,
) -> Head:
    """The head after an event; it has improved where a trial of the event comes to stand there."""
    standing = _standing(changed, before, rows)
    new = _sums(event, head, changed, before) | standing
    own = {entry.trial.id for entry in changed}
    if any(trial in own and trial != getattr(head, name) for name, trial in standing.items()):
        new |= {"improved_at": event.at, "improved_trial": new.get("next_trial", head.next_trial)}
    return replace(head, **new)


def _sums(
    event: Event, head: Head, changed: tuple[Entry, ...], before: Mapping[int, Entry]
) -> dict[str, Any]:
    finished = sum(entry.trial.finished for entry in changed)
    finished -= sum(entry.trial.finished for entry in before.values())
    new = {"seq": event.seq, "hash": event.hash, "finished": head.finished + finished}
    match event.body:
        case Created() as body:
            return new | {"created": body}
        case Accepted(trial=trial):
            return new | {"next_trial": trial + 1}
        case Evaluated(cost=cost) | Charged(cost=cost) if cost != Cost():
            return new | {"spent": head.spent + cost}
        case Decided(decision=decision):
            return new | {"error_spent": head.error_spent + decision.error_spent}
        case Calibrated(calibration=calibration):
            return new | {"calibration": calibration}
    return new


def _standing(
    changed: tuple[Entry, ...], before: Mapping[int, Entry], rows: Rows
) -> dict[str, int | None]:
    """Best and lead, where they may have changed: those whose standing is latest."""
    both = (*changed, *before.values())
    found = {}
    if any(entry.kept for entry in both):
        found["best"] = _latest({e.trial.id: e.kept for e in changed}, rows.keeps())
    if any(entry.leading for entry in both):
        found["lead"] = _latest({e.trial.id: e.leading for e in changed}, rows.leaders())
    return found


def _latest(changed: Mapping[int, int], others: Iterator[tuple[int, int]]) -> int | None:
    standing = [(since, trial) for trial, since in changed.items() if since]
    unchanged = next((other for other in others if other[1] not in changed), None)
    if unchanged is not None:
        standing.append(unchanged)
    return max(standing)[1] if standing else None


# -------------------------------------------------------------------------------- looks


def look_again(
    body: Body, looks: Mapping[int, tuple[Look, ...]]
) -> tuple[int, tuple[Look, ...]] | None:
    """A trial and its evaluations after an event; None where it changes none.

    A further attempt takes the place of the one that was lost.
    """
    match body:
        case Started(evaluation=evaluation):
            trial, look = evaluation.trial, Look(evaluation=evaluation)
        case Evaluated(trial=trial, ordinal=ordinal, outcome=outcome):
            look = replace(looks[trial][ordinal], outcome=outcome)
        case _:
            return None
    known, ordinal = looks.get(trial, ()), look.evaluation.ordinal
    return trial, (*known[:ordinal], look, *known[ordinal + 1 :])
