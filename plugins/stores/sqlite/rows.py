"""Rows to records and back: what an event writes, and what a query reads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.events import Accepted, Evaluated, Event, Head, Started
from autores.lineage.chain import Link
from autores.lineage.fold import Change, Entry
from autores.lineage.select import words
from autores.lineage.store import NoSuchTrial, Order, Query, StoreDamaged
from autores.records import Direction, Phase
from autores.status import Status

_CACHED = 2048
"""Decoded trials that are kept at hand."""
_RECENT = 256
"""Events of ours that are kept for those who follow the chain."""


class Decoded:
    """The trials that were read last: decoding one takes longer than reading it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._known: dict[int, tuple[int, Entry]] = {}
        self._lock = threading.Lock()

    def entry(self, trial: int, changed: int, body: str) -> Entry:
        """The entry of a row, whose `changed` says whether the one at hand is still it."""
        known = self._known.get(trial)
        if known is not None and known[0] == changed:
            return known[1]
        try:
            entry = from_json(Entry, strict_loads(body))
        except ValueError as error:
            raise StoreDamaged(f"the row of trial {trial} is damaged: {error}") from error
        self.keep(changed, entry)
        return entry

    def keep(self, changed: int, entry: Entry) -> None:
        """Have it at hand, in the place of the one that has been longest."""
        with self._lock:
            self._known[entry.trial.id] = (changed, entry)
            if len(self._known) > _CACHED:
                del self._known[next(iter(self._known))]


Appended = tuple[Link, Event]


class Memory:
    """Where the lineage stands as we left it, and how: true while nobody else writes."""

    def __init__(self) -> None:
        """Begin without any."""
        self._now: tuple[Head, tuple[Appended, ...]] | None = None
        self._entries: dict[int, Entry] = {}
        self._next: Transaction | None = None
        self._moving = False

    @property
    def head(self) -> Head | None:
        """The head, if we know it."""
        return self._now[0] if self._now and not self._moving else None

    def entry(self, trial: int) -> Entry | None:
        """A trial, if we have written it."""
        return None if self._moving else self._entries.get(trial)

    def after(self, seq: int) -> tuple[Appended, ...] | None:
        """What followed an event, if we have written all of it and not long ago."""
        now = self._now
        if now is None or self._moving:
            return None
        head, recent = now
        missing = max(0, head.seq - seq)
        return recent[len(recent) - missing :] if missing <= len(recent) else None

    def expect(self, transaction: Transaction) -> None:
        """What is to be remembered once it is committed."""
        self._next = transaction

    @contextmanager
    def moving(self) -> Iterator[None]:
        """The commit: as long as it takes nobody can tell what holds."""
        self._moving = True
        try:
            yield
            if self._next is not None:
                self._take(self._next)
        finally:
            self._next, self._moving = None, False

    def _take(self, transaction: Transaction) -> None:
        recent = self._now[1] if self._now else ()
        self._now = transaction.head, (*recent[-_RECENT:], *transaction.appended)
        for entry in transaction.written:
            self._entries.pop(entry.trial.id, None)
            self._entries[entry.trial.id] = entry
            if len(self._entries) > _CACHED:
                del self._entries[next(iter(self._entries))]

    def forget(self) -> None:
        """Somebody else has written."""
        self._now, self._entries = None, {}


def text_of(record: object) -> str:
    """As it is stored."""
    return canonical(to_json(record)).decode("ascii")


class Transaction:
    """What is written within one append, and what the fold reads of it meanwhile."""

    def __init__(
        self, connection: sqlite3.Connection, memory: Memory, decoded: Decoded, head: Head
    ) -> None:
        """Work on a connection that has begun a transaction."""
        self.head = head
        """Where the lineage stands within it."""
        self.appended: list[Appended] = []
        self._connection = connection
        self._memory = memory
        self._decoded = decoded
        self._written: dict[int, Entry] = {}

    # ------------------------------------------------------------------- read by the fold

    def entry(self, trial: int) -> Entry:
        """One trial."""
        if trial in self._written:
            return self._written[trial]
        if (known := self._memory.entry(trial)) is not None:
            return known
        row = self._connection.execute(
            "SELECT id, changed, body FROM trials WHERE id = ?", (trial,)
        ).fetchone()
        if row is None:
            raise NoSuchTrial(trial)
        return self._decoded.entry(*row)

    def accepted(self, session: str, call: str) -> int | None:
        """The trial that a session's call was accepted as."""
        row = self._connection.execute(
            "SELECT id FROM trials WHERE session = ? AND call = ?", (session, call)
        ).fetchone()
        return None if row is None else int(row[0])

    def offspring(self, trial: int) -> tuple[int, ...]:
        """The trials that name it among their parents."""
        rows = self._connection.execute("SELECT trial FROM offspring WHERE parent = ?", (trial,))
        return tuple(number for (number,) in rows)

    def leaders(self) -> Iterator[tuple[int, int]]:
        """`leading` and id, latest first."""
        return self._connection.execute(
            "SELECT leading, id FROM trials WHERE leading > 0 ORDER BY leading DESC, id DESC"
        )

    def keeps(self) -> Iterator[tuple[int, int]]:
        """`kept` and id, latest first."""
        return self._connection.execute(
            "SELECT kept, id FROM trials WHERE kept > 0 ORDER BY kept DESC, id DESC"
        )

    # ------------------------------------------------------------------------ the writing

    def write(self, link: Link, event: Event, change: Change) -> None:
        """Enter an event and what it changes."""
        self._connection.execute(
            "INSERT INTO events (seq, at, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?)",
            (link.seq, link.at, link.kind, link.body, link.previous, link.hash),
        )
        self.head = change.head
        self.appended.append((link, event))
        created = change.head.created
        direction = created.direction if created is not None else Direction.MAXIMIZE
        for entry in change.entries:
            before = change.before.get(entry.trial.id)
            self._write_entry(entry, before, event.seq, direction)
        match event.body:
            case Accepted() as body:
                self._accept(body)
            case Started(evaluation=evaluation):
                self._connection.execute(
                    "INSERT OR REPLACE INTO looks (trial, ordinal, started) VALUES (?, ?, ?)",
                    (evaluation.trial, evaluation.ordinal, event.seq),
                )
            case Evaluated(trial=trial, ordinal=ordinal):
                self._connection.execute(
                    "UPDATE looks SET ended = ? WHERE trial = ? AND ordinal = ?",
                    (event.seq, trial, ordinal),
                )

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Take back what was written within, if anything is raised."""
        head, written, appended = self.head, dict(self._written), len(self.appended)
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            self.head, self._written = head, written
            del self.appended[appended:]
            raise
        finally:
            self._connection.execute("RELEASE part")

    def finish(self) -> None:
        """Enter the head, once for all events of the transaction."""
        self._connection.execute(
            "INSERT OR REPLACE INTO head (one, seq, body) VALUES (1, ?, ?)",
            (self.head.seq, text_of(self.head)),
        )

    @property
    def written(self) -> Iterable[Entry]:
        """The trials that were changed."""
        return self._written.values()

    def _accept(self, body: Accepted) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO offspring (parent, trial) VALUES (?, ?)",
            [(parent, body.trial) for parent in body.submission.parents],
        )
        self._connection.execute(
            "INSERT INTO words (rowid, hypothesis) VALUES (?, ?)",
            (body.trial, " ".join(words(body.submission.hypothesis))),
        )

    def _write_entry(
        self, entry: Entry, before: Entry | None, seq: int, direction: Direction
    ) -> None:
        row = {"id": entry.trial.id, "changed": seq, "body": text_of(entry)}
        row |= _columns(entry, direction)
        if before is not None:  # an index is left alone where its columns are
            for name, value in _columns(before, direction).items():
                if row[name] == value:
                    del row[name]
        self._connection.execute((_insert if before is None else _update)(*row), row)
        self._written[entry.trial.id] = entry
        new, old = _tally_key(entry), None if before is None else _tally_key(before)
        if new != old:
            self._count(new, 1)
            if old is not None:
                self._count(old, -1)

    def _count(self, key: tuple[str, str, int], number: int) -> None:
        self._connection.execute(
            "INSERT INTO tallies (specialist, status, visible, trials) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET trials = trials + excluded.trials",
            (*key, number),
        )


# ---------------------------------------------------------------------------------- rows


@cache
def _insert(*names: str) -> str:
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO trials ({', '.join(names)}) VALUES ({values})"


@cache
def _update(*names: str) -> str:
    changes = ", ".join(f"{name} = :{name}" for name in names if name != "id")
    return f"UPDATE trials SET {changes} WHERE id = :id"


def _columns(entry: Entry, direction: Direction) -> dict[str, Any]:
    """What is looked up in a trial."""
    trial = entry.trial
    return {
        "parent": trial.parent,
        "specialist": trial.submission.specialist,
        "session": trial.submission.session,
        "call": trial.submission.call,
        "tree": trial.submission.tree,
        "status": _status(trial.status),
        "phase": trial.phase.value,
        "placing": None if trial.score is None else -direction.gain(0.0, trial.score),
        "finished_at": trial.finished_at,
        "visible": int(trial.visible),
        "unsettled": int(entry.unsettled),
        "leading": entry.leading,
        "kept": entry.kept,
    }


def _tally_key(entry: Entry) -> tuple[str, str, int]:
    trial = entry.trial
    return trial.submission.specialist, _status(trial.status), int(trial.visible)


def _status(status: Status | None) -> str:
    return "" if status is None else str(status.value)


def status_named(name: str) -> Status | None:
    """A status as its column has it."""
    return from_json(Status, name) if name else None


# ------------------------------------------------------------------------------- queries

_ORDER = {
    Order.OLDEST: "id",
    Order.NEWEST: "id DESC",
    Order.BEST: "placing, id",
    Order.LATEST: "finished_at DESC, id",
}
_ORDERED_BY = {Order.BEST: "placing IS NOT NULL", Order.LATEST: "finished_at IS NOT NULL"}


def compiled(query: Query) -> tuple[str, list[Any]]:
    """A query as SQL that an index answers, in order, without sorting.

    Several statuses are as many questions, of which the first rows are merged.
    """
    if len(query.statuses) < 2:
        return _single(query)
    parts, arguments = [], []
    for status in dict.fromkeys(query.statuses):
        sql, given = _single(replace(query, statuses=(status,)))
        parts.append(f"SELECT * FROM ({sql})")
        arguments += given
    merged = f"{' UNION ALL '.join(parts)} ORDER BY {_ORDER[query.order]}{_limit(query)}"
    return merged, arguments


def _single(query: Query) -> tuple[str, list[Any]]:
    terms, arguments = _conditions(query)
    found = words(query.text)
    source, order = "trials", _ORDER[query.order]
    if found:
        source = "words CROSS JOIN trials ON trials.id = words.rowid"
        terms.append("words MATCH ?")
        arguments.append(" AND ".join(f'"{word}" *' for word in found))
        if query.order in (Order.OLDEST, Order.NEWEST):
            order = order.replace("id", "words.rowid")
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    columns = "id, changed, trials.body, placing, finished_at"
    sql = f"SELECT {columns} FROM {source}{where} ORDER BY {order}{_limit(query)}"
    return sql, arguments


def _conditions(query: Query) -> tuple[list[str], list[Any]]:
    equal = {
        "status": _status(query.statuses[0]) if query.statuses else None,
        "specialist": query.specialist,
        "session": query.session,
        "parent": query.parent,
        "tree": query.tree,
    }
    terms = [f"{name} = ?" for name, value in equal.items() if value is not None]
    arguments: list[Any] = [value for value in equal.values() if value is not None]
    if query.phases:
        terms.append(f"phase IN ({', '.join('?' * len(query.phases))})")
        arguments += [phase.value for phase in query.phases]
        if Phase.FINISHED not in query.phases:
            terms.append("phase <> 'finished'")
    if query.before is not None:
        terms.append("id < ?")
        arguments.append(query.before)
    if query.visible:
        terms.append("visible = 1")
    if query.unsettled:
        terms.append("unsettled = 1")
    if query.order in _ORDERED_BY:
        terms.append(_ORDERED_BY[query.order])
    return terms, arguments


def _limit(query: Query) -> str:
    return "" if query.limit is None else f" LIMIT {max(0, query.limit)}"
