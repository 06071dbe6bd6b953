"""A lineage that can be read and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from autores.events import Event, Head, Marked
from autores.lineage.book import Book
from autores.lineage.chain import Link
from autores.lineage.fold import step
from autores.lineage.select import arrange, matches
from autores.lineage.store import NO_SECRETS, Build, NoSuchTrial, Query, StoreReadOnly
from autores.records import Direction, Look, Trial
from autores.status import Status


class Archive:
    """Keeps the reading half of `autores.lineage.store.LineageStore`; the other half refuses."""

    def __init__(
        self,
        *,
        trials: Mapping[int, Trial],
        looks: Callable[[Trial], tuple[Look, ...]],
        head: Head,
        links: Sequence[Link] = (),
    ) -> None:
        """Hold what was read.

        Args:
            trials: By id, in order; ids may be missing.
            looks: The evaluations of a trial.
            head: Where the lineage ended.
            links: Its chain; empty for lineages that never had one.
        """
        self._trials = trials
        self._looks = looks
        self._head = head
        self._links = links

    @classmethod
    def replayed(cls, links: Sequence[Link]) -> Archive:
        """A lineage of our own, folded anew from its chain."""
        head, book = Head(), Book()
        for link in links:
            event = link.open()
            change = step(event, head, book)
            book.take(event, change)
            head = change.head
        trials = {number: entry.trial for number, entry in sorted(book.entries.items())}
        return cls(
            trials=trials, looks=lambda trial: book.looks.get(trial.id, ()), head=head, links=links
        )

    def marked(self, marks: Iterable[Marked]) -> Archive:
        """The same with what people said of trials; the later over the earlier."""
        trials = dict(self._trials)
        for mark in marks:
            if mark.trial is not None and mark.trial in trials:
                trial = trials[mark.trial]
                trials[trial.id] = replace(trial, marks={**trial.marks, mark.name: mark.text})
        return Archive(trials=trials, looks=self._looks, head=self._head, links=self._links)

    # ------------------------------------------------------------------------- reading

    def head(self) -> Head:
        """Where the lineage ended."""
        return self._head

    def get(self, trial: int) -> Trial:
        """One trial."""
        if trial not in self._trials:
            raise NoSuchTrial(trial)
        return self._trials[trial]

    def looks(self, trial: int) -> tuple[Look, ...]:
        """All evaluations of a trial."""
        return self._looks(self.get(trial))

    def query(self, query: Query) -> tuple[Trial, ...]:
        """The trials that a query asks for; nothing is unsettled."""
        found = (t for t in self._trials.values() if not query.unsettled and matches(t, query))
        created = self._head.created
        return arrange(found, query, created.direction if created else Direction.MAXIMIZE)

    def path(self, trial: int, *, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root to the trial."""
        found = [self.get(trial)]
        while (parent := found[-1].parent) is not None and len(found) != limit:
            found.append(self.get(parent))
        return tuple(reversed(found))

    def tally(self, *, visible: bool = False) -> Mapping[tuple[str, Status | None], int]:
        """How many trials there are per specialist and status."""
        trials = (t for t in self._trials.values() if t.visible or not visible)
        return Counter((trial.submission.specialist, trial.status) for trial in trials)

    def since(self, seq: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """The events after a number."""
        return tuple(link.open() for link in self.links(seq, limit=limit))

    def links(self, seq: int, *, limit: int = 1000) -> tuple[Link, ...]:
        """The same as they are hashed."""
        return tuple(self._links[seq : seq + limit])

    def wait(self, seq: int, timeout: float) -> Head:
        """Nothing will come."""
        return self._head

    def secret(self, name: str) -> None:
        """None was brought along."""

    def cursor(self, name: str) -> int:
        """Nobody follows it."""
        return 0

    def close(self) -> None:
        """Nothing is held but memory."""

    # ------------------------------------------------------------------------- writing

    def append(self, build: Build, *, secrets: Mapping[str, bytes] = NO_SECRETS) -> NoReturn:
        """Refuse."""
        self._refuse()

    def append_each(self, builds: Sequence[Build]) -> NoReturn:
        """Refuse."""
        self._refuse()

    def lease(self, name: str, owner: str, seconds: float) -> NoReturn:
        """Refuse."""
        self._refuse()

    def release(self, name: str, owner: str) -> None:
        """There is nothing to give back."""

    def set_cursor(self, name: str, seq: int) -> NoReturn:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreReadOnly("this lineage was imported; it can be read and not changed")
