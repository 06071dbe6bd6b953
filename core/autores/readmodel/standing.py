"""Who leads and who is best, as decisions come by: the fold's rule without its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autores.records import Trial
from autores.status import Verdict

BASELINE = 0


@dataclass(slots=True)
class Standing:
    """Leads and keeps that hold, each in the order in which they began to."""

    _leading: dict[int, None] = field(default_factory=dict)
    _kept: dict[int, None] = field(default_factory=dict)
    _demoted: set[int] = field(default_factory=set)
    _quarantined: set[int] = field(default_factory=set)

    @property
    def lead(self) -> int | None:
        """The last lead or keep that holds."""
        return next(reversed(self._leading), None)

    @property
    def best(self) -> int | None:
        """The last keep that holds; the baseline before any."""
        return next(reversed(self._kept), None)

    def begin(self) -> None:
        """The baseline is there."""
        self._leading[BASELINE] = self._kept[BASELINE] = None

    def decide(self, trial: int, verdict: Verdict, trials: Mapping[int, Trial]) -> None:
        """A policy has decided; a trial that holds keeps its place."""
        if verdict is Verdict.MEASURE or trial == BASELINE or self._is_barred(trial, trials):
            return
        for holders, holds in (
            (self._leading, verdict in (Verdict.LEAD, Verdict.KEEP)),
            (self._kept, verdict is Verdict.KEEP),
        ):
            if holds:
                holders.setdefault(trial)
            else:
                holders.pop(trial, None)

    def demote(self, trial: int) -> None:
        """It no longer holds."""
        self._demoted.add(trial)
        self._drop(trial)

    def quarantine(self, trial: int, trials: Mapping[int, Trial]) -> None:
        """Neither it nor what descends from it holds any longer."""
        self._quarantined.add(trial)
        for holder in [*self._leading, *self._kept]:
            if trial in _ancestry(holder, trials):
                self._drop(holder)

    def _drop(self, trial: int) -> None:
        self._leading.pop(trial, None)
        self._kept.pop(trial, None)

    def _is_barred(self, trial: int, trials: Mapping[int, Trial]) -> bool:
        if trial in self._demoted:
            return True
        return bool(self._quarantined) and bool(self._quarantined & _ancestry(trial, trials))


def _ancestry(trial: int, trials: Mapping[int, Trial]) -> set[int]:
    """The trial and all that it was made from."""
    found, waiting = {trial}, [trial]
    while waiting:
        known = trials.get(waiting.pop())
        new = [p for p in known.submission.parents if p not in found] if known else []
        found.update(new)
        waiting.extend(new)
    return found
