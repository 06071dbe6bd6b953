"""Read a lineage once, checking its chain on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autores.archive.store import Archive
from autores.events import Charged, Demoted, Event, Marked, Quarantined
from autores.lineage.chain import Flaw, Link, flaws
from autores.lineage.store import LineageStore, Query
from autores.readmodel.standing import Standing
from autores.readmodel.story import Chain, Change, Conditions, Story
from autores.readmodel.unchained import unchained
from autores.records import Cost, Task, Trial
from autores.status import Verdict

_BATCH = 2000
_OPENED = {
    "demoted",
    "quarantined",
    "calibrated",
    "verified",
    "certified",
    "steered",
    "charged",
    "marked",
}
"""Kinds whose records are needed; of the others, which are many, a few fields are enough."""
_FLAWS = 20
"""More than these are not listed."""


def read(store: LineageStore, task: Task, *, checked: bool = True) -> Story:
    """The whole run, as it stands now.

    Args:
        store: Its lineage.
        task: What the lineage is about.
        checked: Check the chain, and read under which conditions and in what time evaluations
            were made; without that it takes half as long.
    """
    if isinstance(store, Archive) and not store.links(0, limit=1):
        return unchained(store, task)
    head = store.head()
    trials = {trial.id: trial for trial in store.query(Query(before=head.next_trial))}
    tale = _Tale(trials, checked)
    links = tale.heard(store, head.seq)
    found = flaws(links) if checked else _exhausted(links)
    broken = [f"event {flaw.seq} {flaw.message}" for flaw in found]
    if tale.last_hash != head.hash:
        broken.append("the last event is not the one that the head names")
    return Story(
        task=task,
        head=head,
        began=tale.began,
        ended=tale.ended,
        trials=trials,
        bests=tuple(tale.bests),
        leads=tuple(tale.leads),
        conditions=tale.conditions(),
        chain=Chain(events=head.seq, head_hash=head.hash, flaws=tuple(broken[:_FLAWS])),
        phases=tale.phases,
        charges=tale.charges,
        notes=tuple(tale.notes),
    )


def _exhausted(links: Iterable[Link]) -> Iterator[Flaw]:
    """Read links to their end, and find nothing."""
    for _ in links:
        pass
    return iter(())


@dataclass(slots=True)
class _Tale:
    """What is remembered while events go by."""

    trials: dict[int, Trial]
    checked: bool
    began: float = 0.0
    ended: float = 0.0
    last_hash: str = "0" * 64
    accepted: int = -1
    standing: Standing = field(default_factory=Standing)
    bests: list[Change] = field(default_factory=list)
    leads: list[Change] = field(default_factory=list)
    phases: dict[int, dict[str, float]] = field(default_factory=dict)
    charges: dict[str, Cost] = field(default_factory=dict)
    notes: list[Event] = field(default_factory=list)
    seen: dict[str, Counter[str]] = field(default_factory=dict)

    def heard(self, store: LineageStore, last: int) -> Iterator[Link]:
        """The links up to a number, each heard before it is handed on."""
        seq = 0
        while seq < last and (batch := store.links(seq, limit=min(_BATCH, last - seq))):
            for link in batch:
                self._hear(link)
                yield link
            seq = batch[-1].seq

    def conditions(self) -> Conditions:
        """What all evaluations were made under."""
        names = ("sandboxes", "trusts", "hardware", "worlds", "purposes")
        return Conditions(**{name: dict(self.seen.get(name, {})) for name in names})

    def _hear(self, link: Link) -> None:
        self.began = self.began or link.at
        self.ended, self.last_hash = link.at, link.hash
        if link.kind == "accepted":
            self.accepted += 1
            if self.accepted == 0:
                self.standing.begin()
                self._note_changes(link)
        elif link.kind == "started":
            if self.checked:
                self._count(json.loads(link.body)["evaluation"])
        elif link.kind == "evaluated":
            if self.checked:
                self._time(json.loads(link.body))
        elif link.kind == "decided":
            decided = json.loads(link.body)
            verdict = Verdict(decided["decision"]["verdict"])
            self.standing.decide(decided["trial"], verdict, self.trials)
            self._note_changes(link)
        elif link.kind in _OPENED:
            self._take(link.open())
            self._note_changes(link)

    def _count(self, evaluation: dict[str, str]) -> None:
        for name, key, default in (
            ("sandboxes", "sandbox", "unknown"),
            ("trusts", "trust", "evaluated"),
            ("hardware", "hardware", ""),
            ("worlds", "world", ""),
            ("purposes", "purpose", ""),
        ):
            self.seen.setdefault(name, Counter())[evaluation.get(key) or default] += 1

    def _time(self, evaluated: dict[str, Any]) -> None:
        if evaluated["ordinal"] == 0:
            phases: dict[str, float] = {}
            for measurement in evaluated["outcome"].get("measurements", ()):
                name = measurement["phase"]
                phases[name] = phases.get(name, 0.0) + measurement["wall"]
            self.phases[evaluated["trial"]] = phases

    def _take(self, event: Event) -> None:
        match event.body:
            case Charged(specialist=who, cost=cost):
                self.charges[who] = self.charges.get(who, Cost()) + cost
                return
            case Demoted(trial=trial):
                self.standing.demote(trial)
            case Quarantined(trial=trial):
                self.standing.quarantine(trial, self.trials)
            case Marked(trial=int()):
                return
        self.notes.append(event)

    def _note_changes(self, link: Link) -> None:
        """A baseline that misses a gate is not best: the final word on that is the head's."""
        best = self.standing.best
        if best == 0 and not self._feasible():
            best = None
        for changes, trial in ((self.bests, best), (self.leads, self.standing.lead)):
            before = changes[-1].trial if changes else None
            if trial != before:
                after = max(0, self.accepted)
                changes.append(Change(seq=link.seq, at=link.at, after=after, trial=trial))

    def _feasible(self) -> bool:
        baseline = self.trials.get(0)
        return baseline is not None and baseline.score is not None and _valid(baseline)


def _valid(trial: Trial) -> bool:
    return trial.cause is not None and trial.cause.status is None
