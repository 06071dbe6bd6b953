"""The store itself: connections, transactions, and the questions of the protocol."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autores.codec import from_json, strict_loads
from autores.errors import UserError
from autores.events import Body, Event, Head
from autores.lineage.chain import Link, Normalise, seal
from autores.lineage.clean import cleaned
from autores.lineage.fold import step
from autores.lineage.store import (
    NO_SECRETS,
    Build,
    DuplicateSubmission,
    Misfit,
    NoSuchTrial,
    Query,
    StoreDamaged,
    StoreError,
    StoreReadOnly,
)
from autores.plugins.stores.sqlite.files import (
    PATIENCE,
    Pulses,
    WriteLock,
    refuse_network,
    told,
)
from autores.plugins.stores.sqlite.rows import (
    Appended,
    Decoded,
    Memory,
    Transaction,
    compiled,
    status_named,
)
from autores.plugins.stores.sqlite.schema import MIGRATIONS, migrate
from autores.records import Evaluation, Look, Outcome, Trial
from autores.status import Status

_NOTICE = 0.05
"""Seconds until an event of another process is noticed."""
_ALL = 1 << 62
_LINK = "seq, at, kind, body, previous, hash"


class SqliteStore:
    """Keeps the protocol `autores.lineage.store.LineageStore` in one file."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        normalise: Normalise = cleaned,
        patience: float = PATIENCE,
        migrations: Sequence[str] = MIGRATIONS,
    ) -> None:
        """Open a file, or create it.

        Raises:
            UserError: The place is no good, or the file is not ours or of a newer schema.
            StoreError: The file cannot be read.
        """
        if not path.name or not path.parent.is_dir():
            raise UserError(f"cannot keep a lineage in {path}: there is no folder {path.parent}")
        refuse_network(path)
        self._path = path
        self._clock = clock
        self._normalise = normalise
        self._patience = patience
        self._lock = WriteLock(path.with_name(f"{path.name}-lock"), patience)
        self._pulses = Pulses(path)
        self._durable: bool | None = None
        self._within = threading.local()
        self._memory = Memory()
        self._decoded = Decoded()
        self._head = ("", Head())
        self._appended = threading.Condition()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with told(path):
            place = path if path.exists() else path.parent
            self._writable = os.access(place, os.W_OK, effective_ids=True)
            self._writer = self._prepared(migrations)

    # ------------------------------------------------------------------------- connections

    def _prepared(self, migrations: Sequence[str]) -> sqlite3.Connection:
        """The writer's connection to a file of the latest schema."""
        if not self._writable:
            connection = self._connected()
            migrate(connection, self._path, migrations, writable=False)
            return connection
        is_new = not self._path.exists()
        with self._lock.held():
            connection = self._connected()
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise StoreError(f"{self._path} cannot be in WAL mode; use a local disk")
            migrate(connection, self._path, migrations, writable=True)
        if is_new:
            _sync_folder(self._path.parent)
        return connection

    def _connected(self) -> sqlite3.Connection:
        mode = "rwc" if self._writable else "ro"
        if not self._writable and not self._path.with_name(f"{self._path.name}-wal").exists():
            mode = "ro&immutable=1"
        connection = sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA temp_store = MEMORY")  # else a file for many a savepoint
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses meanwhile."""
        with told(self._path):
            if self._own is not None:
                yield self._writer
                return
            try:
                connection = self._idle.pop()
            except IndexError:
                self._require_open()
                connection = self._connected()
                connection.execute("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """The writer within a transaction; rolled back if anything is raised."""
        self._require_open()
        if not self._writable:
            raise StoreReadOnly(f"{self._path} may not be written to; check its rights")
        connection = self._writer
        with self._lock.writing() as undisturbed:
            if not undisturbed:
                self._memory.forget()
            with told(self._path):
                if durable != self._durable:
                    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                    self._durable = durable
                connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                with told(self._path), self._memory.moving():
                    connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _noting(self) -> Iterator[sqlite3.Connection]:
        """The same for what need not survive a power cut."""
        with self._writing(durable=False) as connection, told(self._path):
            yield connection

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError(f"the store {self._path} was closed")

    def _row(self, sql: str, *arguments: Any) -> Any:
        with self._reading() as connection:
            return connection.execute(sql, arguments).fetchone()

    def _rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        with self._reading() as connection:
            return connection.execute(sql, arguments).fetchall()

    def close(self) -> None:
        """Let go of files and connections."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self._writer.close()
        self._pulses.close()
        self._lock.close()

    # -------------------------------------------------------------------------- the events

    def append(
        self, build: Build, *, secrets: Mapping[str, bytes] = NO_SECRETS
    ) -> tuple[Event, ...]:
        """Append what `build` makes of the head."""
        with self._appending() as transaction:
            events = self._entered(build, transaction)
            if events:
                with told(self._path):
                    _keep_secrets(self._writer, secrets)
        return events

    def append_each(self, builds: Sequence[Build]) -> tuple[tuple[Event, ...] | Exception, ...]:
        """Append what each makes of the head, and wait for the disk once."""
        with self._appending() as transaction:
            return tuple(self._tried(build, transaction) for build in builds)

    @contextmanager
    def _appending(self) -> Iterator[Transaction]:
        """A transaction of events; what this thread reads meanwhile, it reads within it."""
        with self._writing() as connection:
            before = self.head()
            transaction = Transaction(connection, self._memory, self._decoded, before)
            self._within.transaction = transaction
            try:
                yield transaction
            finally:
                self._within.transaction = None
            if transaction.head is not before:
                with told(self._path):
                    transaction.finish()
                self._memory.expect(transaction)
        with self._appended:
            self._appended.notify_all()

    def _tried(self, build: Build, transaction: Transaction) -> tuple[Event, ...] | Exception:
        try:
            with transaction.all_or_nothing():
                return self._entered(build, transaction)
        except (Misfit, DuplicateSubmission) as error:
            return error
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  it is told to whoever asked
            return error

    def _entered(self, build: Build, transaction: Transaction) -> tuple[Event, ...]:
        bodies = build(transaction.head)
        with told(self._path):
            return tuple(self._enter(body, transaction) for body in bodies)

    def _enter(self, body: Body, transaction: Transaction) -> Event:
        head = transaction.head
        link, event = seal(body, head=head, at=self._clock(), normalise=self._normalise)
        transaction.write(link, event, step(event, head, transaction))
        return event

    @property
    def _own(self) -> Transaction | None:
        """The transaction that this thread is in."""
        return getattr(self._within, "transaction", None)

    def since(self, seq: int, *, limit: int = 1000) -> tuple[Event, ...]:
        """The events after a number."""
        if (appended := self._remembered(seq)) is not None:
            return tuple(event for _, event in appended[:limit])
        return tuple(self._opened(link) for link in self.links(seq, limit=limit))

    def links(self, seq: int, *, limit: int = 1000) -> tuple[Link, ...]:
        """The same as they are hashed."""
        if (appended := self._remembered(seq)) is not None:
            return tuple(link for link, _ in appended[:limit])
        sql = f"SELECT {_LINK} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return tuple(_link(row) for row in self._rows(sql, (seq, limit)))

    def _remembered(self, seq: int) -> tuple[Appended, ...] | None:
        return self._memory.after(seq) if self._own is None and self._lock.ours else None

    def wait(self, seq: int, timeout: float) -> Head:
        """Block until there is an event after `seq`."""
        deadline = time.monotonic() + timeout
        while (head := self.head()).seq <= seq:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with self._appended:
                self._appended.wait(min(_NOTICE, left))
        return head

    def _opened(self, link: Link) -> Event:
        try:
            return link.open()
        except ValueError as error:
            raise StoreDamaged(f"{self._path}: {error}; `autores audit` tells more") from error

    # -------------------------------------------------------------------------- the trials

    def head(self) -> Head:
        """Where the lineage stands."""
        if (transaction := self._own) is not None:
            return transaction.head
        if self._lock.ours and (remembered := self._memory.head) is not None:
            return remembered
        (text,) = self._row("SELECT body FROM head") or ("",)
        known = self._head
        if known[0] != text:
            try:
                known = self._head = (text, from_json(Head, strict_loads(text)))
            except ValueError as error:
                raise StoreDamaged(f"{self._path}: the head is damaged: {error}") from error
        return known[1]

    def get(self, trial: int) -> Trial:
        """One trial."""
        if (transaction := self._own) is not None:
            return transaction.entry(trial).trial
        if self._lock.ours and (remembered := self._memory.entry(trial)) is not None:
            return remembered.trial
        row = self._row("SELECT id, changed, body FROM trials WHERE id = ?", trial)
        if row is None:
            raise NoSuchTrial(trial)
        return self._decoded.entry(*row).trial

    def looks(self, trial: int) -> tuple[Look, ...]:
        """All evaluations of a trial."""
        rows = self._rows(
            "SELECT began.body, ended.body FROM looks "
            "JOIN events AS began ON began.seq = looks.started "
            "LEFT JOIN events AS ended ON ended.seq = looks.ended "
            "WHERE looks.trial = ? ORDER BY looks.ordinal",
            (trial,),
        )
        if not rows:
            self.get(trial)
        return tuple(_look(*row) for row in rows)

    def query(self, query: Query) -> tuple[Trial, ...]:
        """The trials that a query asks for."""
        rows = self._rows(*compiled(query))
        return tuple(self._decoded.entry(*row[:3]).trial for row in rows)

    def path(self, trial: int, *, limit: int | None = None) -> tuple[Trial, ...]:
        """From the root to the trial."""
        rows = self._rows(
            "WITH RECURSIVE up (id, steps) AS (SELECT ?, 1 UNION ALL "
            "SELECT trials.parent, steps + 1 FROM up JOIN trials ON trials.id = up.id "
            "WHERE trials.parent IS NOT NULL AND steps < ?) "
            "SELECT trials.id, changed, body FROM up JOIN trials ON trials.id = up.id "
            "ORDER BY steps DESC",
            (trial, _ALL if limit is None else limit),
        )
        if not rows:
            raise NoSuchTrial(trial)
        return tuple(self._decoded.entry(*row).trial for row in rows)

    def tally(self, *, visible: bool = False) -> Mapping[tuple[str, Status | None], int]:
        """How many trials there are per specialist and status."""
        rows = self._rows(
            "SELECT specialist, status, sum(trials) FROM tallies WHERE visible >= ? "
            "GROUP BY specialist, status HAVING sum(trials) > 0",
            (int(visible),),
        )
        return {(who, status_named(status)): number for who, status, number in rows}

    # ------------------------------------------------------------------------- side tables

    def secret(self, name: str) -> bytes | None:
        """The bytes that were kept under a name."""
        row = self._row("SELECT bytes FROM secrets WHERE name = ?", name)
        return None if row is None else bytes(row[0])

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take, or renew, the right to something; that of a dead process is free at once."""
        with self._noting() as connection:
            holder, until, pulse = connection.execute(
                "SELECT owner, until, pulse FROM leases WHERE name = ?", (name,)
            ).fetchone() or (owner, 0.0, 0)
            now = self._clock()
            taken = holder != owner and until > now
            if taken and not (pulse and self._pulses.has_ended(name, holder)):
                return False
            pulse = int(self._pulses.begin(name, owner))
            connection.execute(
                "INSERT OR REPLACE INTO leases (name, owner, until, pulse) VALUES (?, ?, ?, ?)",
                (name, owner, now + seconds, pulse),
            )
            return True

    def release(self, name: str, owner: str) -> None:
        """Give a lease back."""
        with self._noting() as connection:
            given = connection.execute(
                "DELETE FROM leases WHERE name = ? AND owner = ?", (name, owner)
            )
            if given.rowcount:
                self._pulses.end(name)

    def cursor(self, name: str) -> int:
        """The number of the last event that a subscriber has seen."""
        row = self._row("SELECT seq FROM cursors WHERE name = ?", name)
        return 0 if row is None else int(row[0])

    def set_cursor(self, name: str, seq: int) -> None:
        """Remember what a subscriber has seen."""
        with self._noting() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO cursors (name, seq) VALUES (?, ?)", (name, seq)
            )


def _keep_secrets(connection: sqlite3.Connection, secrets: Mapping[str, bytes]) -> None:
    for name, content in secrets.items():
        kept = connection.execute(
            "INSERT OR IGNORE INTO secrets (name, bytes) VALUES (?, ?)", (name, content)
        )
        if not kept.rowcount:
            raise Misfit(f"there is a secret {name!r} already")


def _link(row: Any) -> Link:
    seq, at, kind, body, previous, hash_ = row
    return Link(seq=seq, at=at, kind=kind, body=body, previous=previous, hash=hash_)


def _look(began: str, ended: str | None) -> Look:
    evaluation = from_json(Evaluation, strict_loads(began)["evaluation"])
    if ended is None:
        return Look(evaluation=evaluation)
    outcome = from_json(Outcome, strict_loads(ended)["outcome"])
    return Look(evaluation=evaluation, outcome=outcome)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
