"""A run as a whole: what was found, on which way, under which conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from autores.events import Event, Head
from autores.readmodel.claims import LeftOut, Simpler, left_out, simpler
from autores.readmodel.foresight import Foresight, foresight
from autores.readmodel.groups import Group, Repair, by_specialist, by_surface, repairs
from autores.records import Cost, Task, Trial
from autores.status import Cause, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From here on another trial was the best, or the leading one."""

    seq: int
    """The event that did it."""
    at: float
    after: int
    """Trials that had been accepted by then, the baseline left out."""
    trial: int | None
    """Who it is now; None where nothing is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under what evaluations were made, each with how many of them."""

    sandboxes: Mapping[str, int] = field(default_factory=dict)
    trusts: Mapping[str, int] = field(default_factory=dict)
    hardware: Mapping[str, int] = field(default_factory=dict)
    worlds: Mapping[str, int] = field(default_factory=dict)
    purposes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What was checked of the hash chain while it was read."""

    events: int
    head_hash: str
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that a view may want to tell of a run; what takes work is worked out when asked."""

    task: Task
    head: Head
    began: float
    """When the first event was written; 0 before it."""
    ended: float
    """When the last one was."""
    trials: Mapping[int, Trial]
    """By id, in order."""
    bests: tuple[Change, ...] = ()
    """Of the last keep that holds, in order."""
    leads: tuple[Change, ...] = ()
    """Of the last lead or keep that holds, in order."""
    conditions: Conditions = field(default_factory=Conditions)
    chain: Chain
    phases: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """Of each trial's first look: seconds of a phase, over all seeds together."""
    charges: Mapping[str, Cost] = field(default_factory=dict)
    """What sessions used, by specialist."""
    notes: tuple[Event, ...] = ()
    """Verified, certified, steered, demoted, quarantined, and marks of the run, in order."""

    # ------------------------------------------------------------------------- numbers

    @property
    def baseline(self) -> float | None:
        """What the seed recipe measured: the calibrated score, where there is one."""
        known = self.head.calibration
        if known is not None and known.score is not None:
            return known.score
        return self.trials[0].score if 0 in self.trials else None

    @property
    def submitted(self) -> int:
        """Trials without the baseline."""
        return max(0, len(self.trials) - 1)

    def level(self, trial: int) -> float | None:
        """The score of a trial as it ranks; the baseline's is the calibrated one."""
        return self.baseline if trial == 0 else self.trials[trial].score

    def gain(self, trial: int) -> float | None:
        """How much better than the baseline a trial is; positive is better."""
        score = self.level(trial)
        if score is None or self.baseline is None:
            return None
        return self.task.metric.direction.gain(self.baseline, score)

    @cached_property
    def statuses(self) -> Mapping[Status | None, int]:
        """How many trials there are of each, in the order of `Status`; None: unfinished."""
        counts = dict.fromkeys((*Status, None), 0)
        for trial in self.trials.values():
            counts[trial.status] += 1
        return {status: count for status, count in counts.items() if count}

    @cached_property
    def causes(self) -> Mapping[Cause, int]:
        """What stopped trials, most frequent first."""
        counts: dict[Cause, int] = {}
        for trial in self.trials.values():
            if trial.cause not in (None, Cause.VALID):
                counts[trial.cause] = counts.get(trial.cause, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].value)))

    # ---------------------------------------------------------------------- trajectory

    def path(self, trial: int | None = None) -> tuple[Trial, ...]:
        """From the baseline along first parents to a trial, by default to the head."""
        here: int | None = (self.head.lead or 0) if trial is None else trial
        steps: list[Trial] = []
        while here is not None and here in self.trials:
            steps.append(self.trials[here])
            here = steps[-1].parent
        return tuple(reversed(steps))

    @cached_property
    def children(self) -> Mapping[int, tuple[int, ...]]:
        """Who was made from whom, by first parent, oldest first."""
        found: dict[int, list[int]] = {}
        for trial in self.trials.values():
            if trial.parent is not None:
                found.setdefault(trial.parent, []).append(trial.id)
        return {parent: tuple(young) for parent, young in found.items()}

    @cached_property
    def keeps(self) -> tuple[Trial, ...]:
        """The claims that hold: the keeps on the path to the best."""
        if self.head.best is None:
            return ()
        return tuple(t for t in self.path(self.head.best) if t.status is Status.KEEP)

    # -------------------------------------------------------------------------- tables

    @cached_property
    def specialists(self) -> tuple[Group, ...]:
        """What each specialist did, in alphabetical order."""
        return by_specialist(self.trials.values(), self.charges)

    @cached_property
    def surfaces(self) -> tuple[Group, ...]:
        """What came of edits to each surface; an edit of two counts for both."""
        return by_surface(self.trials.values())

    @cached_property
    def repairs(self) -> tuple[Repair, ...]:
        """Failures that a later trial built on and got through."""
        return repairs(self.trials)

    @cached_property
    def left_out(self) -> Mapping[int, LeftOut]:
        """Steps that were left out by `autores ablate`, and what that lost."""
        return left_out(self.notes)

    @cached_property
    def simpler(self) -> Simpler | None:
        """What came of leaving out all steps together that do nothing, if that was tried."""
        return simpler(self.notes)

    @cached_property
    def foresight(self) -> Foresight:
        """How expected changes compare with measured ones."""
        return foresight(self.trials.values(), self.task.metric.direction)
