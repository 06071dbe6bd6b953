"""A lineage's projections in plain dictionaries: for audits, and for stores without a disk."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from autores.events import Accepted, Event, Head
from autores.lineage.fold import Change, Entry, look_again
from autores.lineage.select import arrange, matches
from autores.lineage.store import NoSuchTrial, Query
from autores.records import Direction, Look, Trial


@dataclass(slots=True)
class Book:
    """The projections of a lineage. A draft lies over another book until it is adopted."""

    entries: MutableMapping[int, Entry] = field(default_factory=dict)
    calls: MutableMapping[tuple[str, str], int] = field(default_factory=dict)
    children: MutableMapping[int, tuple[int, ...]] = field(default_factory=dict)
    looks: MutableMapping[int, tuple[Look, ...]] = field(default_factory=dict)
    standing: MutableMapping[int, Entry] = field(default_factory=dict)
    """Whatever has been a baseline, lead or keep."""

    def draft(self) -> Book:
        """A book that reads from this one and writes beside it."""
        return Book(
            entries=ChainMap({}, self.entries),
            calls=ChainMap({}, self.calls),
            children=ChainMap({}, self.children),
            looks=ChainMap({}, self.looks),
            standing=ChainMap({}, self.standing),
        )

    def adopt(self, draft: Book) -> None:
        """Take over what a draft has written."""
        for own, new in zip(self._shelves, draft._shelves, strict=True):
            assert isinstance(new, ChainMap)
            own.update(new.maps[0])

    @property
    def _shelves(self) -> tuple[MutableMapping[Any, Any], ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def entry(self, trial: int) -> Entry:
        """One trial."""
        if trial not in self.entries:
            raise NoSuchTrial(trial)
        return self.entries[trial]

    def accepted(self, session: str, call: str) -> int | None:
        """The trial that a session's call was accepted as."""
        return self.calls.get((session, call))

    def offspring(self, trial: int) -> tuple[int, ...]:
        """The trials that name it among their parents."""
        return self.children.get(trial, ())

    def leaders(self) -> Iterator[tuple[int, int]]:
        """`leading` and id, latest first."""
        found = ((e.leading, trial) for trial, e in self.standing.items() if e.leading)
        return iter(sorted(found, reverse=True))

    def keeps(self) -> Iterator[tuple[int, int]]:
        """`kept` and id, latest first."""
        found = ((e.kept, trial) for trial, e in self.standing.items() if e.kept)
        return iter(sorted(found, reverse=True))

    def take(self, event: Event, change: Change) -> None:
        """Enter what an event changes."""
        for entry in change.entries:
            trial = entry.trial.id
            self.entries[trial] = entry
            if entry.leading or entry.kept or trial in self.standing:
                self.standing[trial] = entry
        if isinstance(event.body, Accepted):
            submission = event.body.submission
            self.calls[submission.session, submission.call] = event.body.trial
            for parent in dict.fromkeys(submission.parents):
                self.children[parent] = (*self.children.get(parent, ()), event.body.trial)
        trial_looks = look_again(event.body, self.looks)
        if trial_looks is not None:
            self.looks[trial_looks[0]] = trial_looks[1]

    def query(self, query: Query, head: Head) -> tuple[Trial, ...]:
        """The trials that a query asks for; `head` knows which scores are better."""
        entries = [e for e in self.entries.values() if matches(e.trial, query)]
        found = (e.trial for e in entries if e.unsettled or not query.unsettled)
        direction = head.created.direction if head.created else Direction.MAXIMIZE
        return arrange(found, query, direction)
