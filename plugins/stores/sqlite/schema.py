"""The tables, and how a file that an older autores wrote becomes one of this version.

`events` is the truth. All other tables but the last three are projections of it, which an
audit folds anew; secrets, leases and cursors are neither hashed nor exported.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from autores.errors import UserError
from autores.lineage.store import StoreReadOnly, StoreTooNew

APPLICATION = 0x61757265
"""Written into the file's header: `file` and we know it from other SQLite files."""

_FIRST = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- `changed` is the event that last changed the row; `placing` is the score turned so that less
-- is better; an unfinished trial has the empty status.
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    changed INTEGER NOT NULL,
    parent INTEGER,
    specialist TEXT NOT NULL,
    session TEXT NOT NULL,
    call TEXT NOT NULL,
    tree TEXT NOT NULL,
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    placing REAL,
    finished_at REAL,
    visible INTEGER NOT NULL,
    unsettled INTEGER NOT NULL,
    leading INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX trials_by_call ON trials (session, call);
CREATE INDEX trials_by_parent ON trials (parent);
CREATE INDEX trials_by_tree ON trials (tree);
CREATE INDEX trials_by_specialist ON trials (specialist);
CREATE INDEX trials_by_status ON trials (status);
CREATE INDEX trials_by_placing ON trials (placing) WHERE placing IS NOT NULL;
CREATE INDEX trials_by_specialist_placing ON trials (specialist, placing)
    WHERE placing IS NOT NULL;
CREATE INDEX trials_by_status_placing ON trials (status, placing) WHERE placing IS NOT NULL;
CREATE INDEX trials_by_finish ON trials (finished_at DESC) WHERE finished_at IS NOT NULL;
CREATE INDEX trials_by_specialist_finish ON trials (specialist, finished_at DESC)
    WHERE finished_at IS NOT NULL;
CREATE INDEX trials_by_status_finish ON trials (status, finished_at DESC)
    WHERE finished_at IS NOT NULL;
CREATE INDEX trials_unfinished ON trials (phase) WHERE phase <> 'finished';
CREATE INDEX trials_unsettled ON trials (unsettled) WHERE unsettled = 1;
CREATE INDEX trials_leading ON trials (leading) WHERE leading > 0;
CREATE INDEX trials_kept ON trials (kept) WHERE kept > 0;

CREATE TABLE offspring (
    parent INTEGER NOT NULL,
    trial INTEGER NOT NULL,
    PRIMARY KEY (parent, trial)
) STRICT, WITHOUT ROWID;

-- The events that began and ended each evaluation; `ended` is 0 before the end.
CREATE TABLE looks (
    trial INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (trial, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    specialist TEXT NOT NULL,
    status TEXT NOT NULL,
    visible INTEGER NOT NULL,
    trials INTEGER NOT NULL,
    PRIMARY KEY (specialist, status, visible)
) STRICT, WITHOUT ROWID;

-- Words of hypotheses, split by us: to this tokenizer only the spaces between are not words.
-- The beginnings of words are indexed too, else each search would read all that begins so.
CREATE VIRTUAL TABLE words USING fts5(
    hypothesis,
    content = '',
    detail = 'none',
    prefix = '1 2 3 4 5 6 7 8 9 10 11 12',
    tokenize = "ascii tokenchars '_'"
);

CREATE TABLE secrets (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- `pulse`: whether the holder's process keeps a file locked as long as it lives.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until REAL NOT NULL,
    pulse INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: Sequence[str] = (_FIRST,)
"""What each version adds to the one before; only ever appended to."""


def version_of(connection: sqlite3.Connection, path: Path, known: int) -> int:
    """The schema version of a file; 0 of an empty one.

    Raises:
        UserError: It is something else, or newer than `known`.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION and (tables or application):
        raise UserError(f"{path} is an SQLite file, but no lineage; name another with --store")
    if version > known:
        raise StoreTooNew(
            f"{path} was written by a newer autores (schema {version}, known up to {known}); "
            "upgrade autores to open it"
        )
    return int(version)


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str], *, writable: bool
) -> None:
    """Bring a file to the latest schema; what was there is copied beside it first.

    Raises:
        StoreReadOnly: There is something to do, and the file may not be written to.
    """
    version = version_of(connection, path, len(migrations))
    if version == len(migrations):
        return
    if not writable:
        raise StoreReadOnly(f"{path} has an older schema; open it once where it may be written")
    if version:
        _back_up(connection, path.with_name(f"{path.name}.v{version}.backup"))
    steps = ";".join(migrations[version:])
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps}; PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {len(migrations)}; COMMIT;"
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _back_up(connection: sqlite3.Connection, copy: Path) -> None:
    partial = copy.with_name(f"{copy.name}.part")
    partial.unlink(missing_ok=True)
    target = sqlite3.connect(partial)
    try:
        connection.backup(target)
    finally:
        target.close()
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(copy)
