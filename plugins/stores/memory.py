"""A lineage that lasts as long as its process: for tests and trials of the loop.

URLs: `memory:`.
"""

from __future__ import annotations

import threading
import time
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from autores import hookimpl
from autores.events import Accepted, Body, Event, Head
from autores.lineage.chain import Link, Normalise, as_it_is, seal
from autores.lineage.fold import Change, Entry, look_again, step
from autores.lineage.select import arrange, matches
from autores.lineage.store import NO_SECRETS, Build, Misfit, NoSuchTrial, Query
from autores.records import Direction, Look, Trial
from autores.status import Status


@dataclass(slots=True)
class _Book:
    """The projections. A draft lies over another book until it is adopted."""

    entries: MutableMapping[int, Entry] = field(default_factory=dict)
    calls: MutableMapping[tuple[str, str], int] = field(default_factory=dict)
    children: MutableMapping[int, tuple[int, ...]] = field(default_factory=dict)
    looks: MutableMapping[int, tuple[Look, ...]] = field(default_factory=dict)
    standing: MutableMapping[int, Entry] = field(default_factory=dict)
    """Whatever has been a baseline, lead or keep."""

    def draft(self) -> _Book:
        """A book that reads from this one and writes beside it."""
        return _Book(
            entries=ChainMap({}, self.entries),
            calls=ChainMap({}, self.calls),
            children=ChainMap({}, self.children),
            looks=ChainMap({}, self.looks),
            standing=ChainMap({}, self.standing),
        )

    def adopt(self, draft: _Book) -> None:
        """Take over what a draft has written."""
        for own, new in zip(self._shelves, draft._shelves, strict=True):
            assert isinstance(new, ChainMap)
            own.update(new.maps[0])

    @property
    def _shelves(self) -> tuple[MutableMapping[Any, Any], ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def entry(self, trial: int) -> Entry:
        if trial not in self.entries:
            raise NoSuchTrial(trial)
        return self.entries[trial]

    def accepted(self, session: str, call: str) -> int | None:
        return self.calls.get((session, call))

    def offspring(self, trial: int) -> tuple[int, ...]:
        return self.children.get(trial, ())

    def leaders(self) -> Iterator[tuple[int, int]]:
        found = ((e.leading, trial) for trial, e in self.standing.items() if e.leading)
        return iter(sorted(found, reverse=True))

    def keeps(self) -> Iterator[tuple[int, int]]:
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


class MemoryStore:
    """Keeps the protocol `autores.lineage.store.LineageStore` in dictionaries."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, normalise: Normalise = as_it_is
    ) -> None:
        """Begin empty."""
        self._clock = clock
        self._normalise = normalise
        self._lock = threading.RLock()
        self._appended = threading.Condition(self._lock)
        self._links: list[Link] = []
        self._events: list[Event] = []
        self._head = Head()
        self._book = _Book()
        self._secrets: dict[str, bytes] = {}
        self._leases: dict[str, tuple[str, float]] = {}
        self._cursors: dict[str, int] = {}

    def append(
        self, build: Build, *, secrets: Mapping[str, bytes] = NO_SECRETS
    ) -> tuple[Event, ...]:
        """Append what `build` makes of the head."""
        with self._appended:
            bodies = build(self._head)
            if not bodies:
                return ()
            taken = self._secrets.keys() & secrets.keys()
            if taken:
                raise Misfit(f"there is a secret {min(taken)!r} already")
            draft, head, sealed = self._book.draft(), self._head, []
            for body in bodies:
                link, event, head = self._enter(body, head, draft)
                sealed.append((link, event))
            self._book.adopt(draft)
            self._head = head
            self._secrets.update(secrets)
            self._links.extend(link for link, _ in sealed)
            self._events.extend(event for _, event in sealed)
            self._appended.notify_all()
            return tuple(event for _, event in sealed)

    def _enter(self, body: Body, head: Head, draft: _Book) -> tuple[Link, Event, Head]:
        link, event = seal(body, head=head, at=self._clock(), normalise=self._normalise)
        change = step(event, head, draft)
        draft.take(event, change)
        return link, event, change.head

    def secret(self, name: str) -> bytes | None:
        """The bytes that were kept under a name."""
        return self._secrets.get(name)

    def head(self) -> Head:
        """Where the lineage stands."""
        return self._head

    def get(self, trial: int) -> Trial:
        """One trial."""
        return self._book.entry(trial).trial

    def looks(self, trial: int) -> tuple[Look, ...]:
        """All evaluations of a trial."""
        self._book.entry(trial)
        return self._book.looks.get(trial, ())

    def query(self, query: Query) -> tuple[Trial, ...]:
        """The trials that a query asks for."""
        with self._lock:
            entries = [e for e in self._book.entries.values() if matches(e.trial, query)]
        created = self._head.created
        found = (e.trial for e in entries if e.unsettled or not query.unsettled)
        return arrange(found, query, created.direction if created else Direction.MAXIMIZE)

    def path(self, trial: int, *, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root to the trial."""
        found, next_ = [self.get(trial)], self.get(trial).parent
        while next_ is not None and (limit is None or len(found) < limit):
            found.append(self.get(next_))
            next_ = found[-1].parent
        return tuple(reversed(found[:limit]))

    def tally(self, *, visible: bool = False) -> Mapping[tuple[str, Status | None], int]:
        """How many trials there are per specialist and status."""
        counts: dict[tuple[str, Status | None], int] = {}
        for trial in self.query(Query(visible=visible)):
            key = (trial.submission.specialist, trial.status)
            counts[key] = counts.get(key, 0) + 1
        return counts

    def since(self, seq: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """The events after a number."""
        return tuple(self._events[seq : seq + limit])

    def links(self, seq: int, *, limit: int = 1000) -> tuple[Link, ...]:
        """The same as they are hashed."""
        return tuple(self._links[seq : seq + limit])

    def wait(self, seq: int, timeout: float) -> Head:
        """Block until there is an event after `seq`."""
        with self._appended:
            self._appended.wait_for(lambda: self._head.seq > seq, timeout)
            return self._head

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take, or renew, the right to something."""
        with self._lock:
            now = self._clock()
            holder, until = self._leases.get(name, (owner, 0.0))
            if holder != owner and until > now:
                return False
            self._leases[name] = (owner, now + seconds)
            return True

    def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        with self._lock:
            if self._leases.get(name, ("", 0.0))[0] == owner:
                del self._leases[name]

    def cursor(self, name: str) -> int:
        """The number of the last event that a subscriber has seen."""
        return self._cursors.get(name, 0)

    def set_cursor(self, name: str, seq: int) -> None:
        """Remember what a subscriber has seen."""
        self._cursors[name] = seq

    def close(self) -> None:
        """Nothing is held but memory."""


@hookimpl
def autores_store(url: str) -> MemoryStore | None:
    """Begin an empty lineage."""
    return MemoryStore() if url.partition(":")[0] == "memory" else None
