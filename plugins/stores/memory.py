"""A lineage that lasts as long as its process: for tests and trials of the loop.

URLs: `memory:`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from autores import hookimpl
from autores.events import Body, Event, Head
from autores.lineage.book import Book
from autores.lineage.chain import Link, Normalise, seal
from autores.lineage.clean import cleaned
from autores.lineage.fold import step
from autores.lineage.store import NO_SECRETS, Build, Misfit, Query, one_by_one
from autores.records import Look, Trial
from autores.status import Status


class MemoryStore:
    """Keeps the protocol `autores.lineage.store.LineageStore` in dictionaries."""

    def __init__(
        self, *, clock: Callable[[], float] = time.time, normalise: Normalise = cleaned
    ) -> None:
        """Begin empty."""
        self._clock = clock
        self._normalise = normalise
        self._lock = threading.RLock()
        self._appended = threading.Condition(self._lock)
        self._links: list[Link] = []
        self._events: list[Event] = []
        self._head = Head()
        self._book = Book()
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

    def append_each(self, builds: Sequence[Build]) -> tuple[tuple[Event, ...] | Exception, ...]:
        """Append what each makes of the head."""
        return one_by_one(self, builds)

    def _enter(self, body: Body, head: Head, draft: Book) -> tuple[Link, Event, Head]:
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
            return self._book.query(query, self._head)

    def path(self, trial: int, *, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root to the trial."""
        found, next_ = [self.get(trial)], self.get(trial).parent
        while next_ is not None and (limit is None or len(found) < limit):
            found.append(self.get(next_))
            next_ = found[-1].parent
        return tuple(reversed(found[:limit]))

    def tally(self, *, visible: bool = False) -> Mapping[tuple[str, Status | None], int]:
        """How many trials there are per specialist and status."""
        trials = self.query(Query(visible=visible))
        return Counter((trial.submission.specialist, trial.status) for trial in trials)

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
