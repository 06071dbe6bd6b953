"""Whether a lineage is what was written: chain, projections, and the code that was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from autores.errors import AutoresError
from autores.events import Head, Started
from autores.lineage.book import Book
from autores.lineage.chain import Link, flaws
from autores.lineage.fold import step
from autores.lineage.store import LineageStore, NoSuchTrial, Order, Query
from autores.records import Trial

_BATCH = 1000
_ATTEMPTS = 5
"""While somebody writes, what was read first and last do not belong together: try again."""
_QUESTIONS = (
    Query(),
    Query(order=Order.BEST),
    Query(order=Order.LATEST),
    Query(visible=True),
    Query(unsettled=True),
)
"""Between them they read all columns by which trials are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it was written."""

    message: str
    seq: int | None = None
    """The event it is about."""
    trial: int | None = None

    def __str__(self) -> str:
        places = (("event", self.seq), ("trial", self.trial))
        named = [f"{kind} {number}" for kind, number in places if number is not None]
        return f"{', '.join(named)}: {self.message}" if named else self.message


class Commit(Protocol):
    """What an audit asks of a commit."""

    @property
    def parents(self) -> Sequence[str]:
        """The commits that it was made from."""
        ...


class Commits(Protocol):
    """What an audit asks of a code repository."""

    def __contains__(self, commit: object) -> bool:
        """Whether there is such a commit."""
        ...

    def log(self, commit: str, limit: int = 100) -> Sequence[Commit]:
        """A commit and what it was edited from."""
        ...

    def published(self) -> Mapping[int, str]:
        """The commit that each trial's tag names."""
        ...

    def fsck(self) -> str:
        """What is wrong with the objects; empty when nothing is."""
        ...


def audit(
    store: LineageStore, repository: Commits | None = None, head_hash: str | None = None
) -> tuple[Finding, ...]:
    """Check all that a lineage says of itself.

    Args:
        store: The lineage.
        repository: Where its commits lie; None to leave them out.
        head_hash: A head that was printed earlier, or its first characters, so that a lineage
            that was cut or written anew since then is found out.

    Returns:
        What is wrong, the chain first; empty when all is as it was written.
    """
    for _ in range(_ATTEMPTS):
        before = store.head().hash
        found = tuple(_findings(store, repository, head_hash))
        if not found or store.head().hash == before:
            break
    return found


def _findings(
    store: LineageStore, repository: Commits | None, head_hash: str | None
) -> Iterator[Finding]:
    links, head = list(_links(store)), store.head()
    chain = [Finding(seq=flaw.seq, message=flaw.message) for flaw in flaws(links)]
    yield from chain
    yield from _ends(links, head, head_hash)
    book = Book()
    folded, misfit = _fold(links, book)
    if misfit is not None:
        yield misfit
    elif not chain:
        yield from _differences(store, head, book, folded)
    if repository is not None:
        yield from _code(repository, book)


# -------------------------------------------------------------------------------- chain


def _links(store: LineageStore) -> Iterator[Link]:
    seq = 0
    while batch := store.links(seq, limit=_BATCH):
        yield from batch
        seq = batch[-1].seq


def _ends(links: Sequence[Link], head: Head, head_hash: str | None) -> Iterator[Finding]:
    last = links[-1].hash if links else Head().hash
    if last != head.hash:
        yield Finding(message="the last event is not the one that the head names: cut or added to")
    if head_hash and not any(link.hash.startswith(head_hash.lower()) for link in links):
        yield Finding(
            message=f"no event has the hash {head_hash}: the lineage was cut or written anew"
        )


def _fold(links: Iterable[Link], book: Book) -> tuple[Head, Finding | None]:
    """What follows from the events, as far as they fit."""
    head = Head()
    for link in links:
        try:
            event = link.open()
            change = step(event, head, book)
        except (ValueError, AutoresError) as error:
            return head, Finding(seq=link.seq, message=f"does not fit what went before: {error}")
        book.take(event, change)
        head = change.head
        if isinstance(event.body, Started):
            evaluation = event.body.evaluation
            if evaluation.commit != book.entry(evaluation.trial).trial.submission.commit:
                return head, Finding(
                    seq=link.seq,
                    trial=evaluation.trial,
                    message=f"measures commit {evaluation.commit}, which is another trial's",
                )
    return head, None


# -------------------------------------------------------------------------- projections


def _differences(store: LineageStore, head: Head, book: Book, folded: Head) -> Iterator[Finding]:
    wrong = _differing(head, folded)
    if wrong:
        yield Finding(message=f"the head differs from its events in {wrong}")
    for entry in book.entries.values():
        yield from _trial_differences(store, entry.trial, book)
    for query in _QUESTIONS:
        yield from _listing_differences(store, query, book.query(query, folded))
    for visible in (False, True):
        trials = book.query(Query(visible=visible), folded)
        right_tally = Counter((t.submission.specialist, t.status) for t in trials)
        if dict(store.tally(visible=visible)) != dict(right_tally):
            yield Finding(message="the counts per specialist differ from the events")


def _trial_differences(store: LineageStore, right: Trial, book: Book) -> Iterator[Finding]:
    try:
        found, looks = store.get(right.id), store.looks(right.id)
        paths = store.path(right.id, limit=2)
    except NoSuchTrial:
        yield Finding(trial=right.id, message="the row is missing")
        return
    except AutoresError as error:
        yield Finding(trial=right.id, message=f"the row cannot be read: {error}")
        return
    wrong = _differing(found, right)
    if wrong:
        yield Finding(trial=right.id, message=f"the row differs from its events in {wrong}")
    if looks != book.looks.get(right.id, ()):
        yield Finding(trial=right.id, message="its evaluations differ from the events")
    parent = None if len(paths) < 2 else paths[0].id
    if parent != right.parent:
        yield Finding(trial=right.id, message=f"stands under {parent} instead of {right.parent}")


def _differing(found: object, right: object) -> str:
    """The fields in which two records differ."""
    names = (f.name for f in fields(right))  # type: ignore[arg-type]
    return ", ".join(name for name in names if getattr(found, name) != getattr(right, name))


def _listing_differences(
    store: LineageStore, query: Query, trials: Sequence[Trial]
) -> Iterator[Finding]:
    kind = "unsettled" if query.unsettled else "visible" if query.visible else query.order.value
    try:
        found = [trial.id for trial in store.query(query)]
    except AutoresError as error:
        yield Finding(message=f"the list of trials ({kind}) cannot be read: {error}")
        return
    right = [trial.id for trial in trials]
    stray, missing = sorted({*found} - {*right}), sorted({*right} - {*found})
    if stray or missing:
        yield Finding(message=f"the list of trials ({kind}) has {stray} and lacks {missing}")
    elif found != right:
        yield Finding(message=f"the list of trials ({kind}) is out of order or names one twice")


# --------------------------------------------------------------------------------- code


def _code(repository: Commits, book: Book) -> Iterator[Finding]:
    damage = repository.fsck()
    if damage:
        yield Finding(message=f"git fsck: {damage}")
    tags = repository.published()
    for number, entry in book.entries.items():
        commit = entry.trial.submission.commit
        if commit not in repository:
            yield Finding(trial=number, message=f"there is no commit {commit}")
            continue
        if tags.get(number, commit) != commit:
            yield Finding(trial=number, message=f"its tag names {tags[number]}, not {commit}")
        expected = [book.entry(p).trial.submission.commit for p in entry.trial.submission.parents]
        made_from = list(repository.log(commit, 1)[0].parents)
        if made_from[:1] != expected[:1]:
            yield Finding(trial=number, message=f"its commit was made from {made_from}")
    for number in sorted(tags.keys() - book.entries.keys()):
        yield Finding(message=f"there is a tag of trial {number}, which there is not")
