"""What only a file can get wrong: rights, space, damage, versions, and processes that die."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.events import Body, Gated, Head, Marked
from autores.lineage.audit import audit
from autores.lineage.store import (
    LineageStore,
    NoSuchTrial,
    Order,
    Query,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
    create,
)
from autores.plugins.stores.sqlite import SqliteStore, autores_store
from autores.plugins.stores.sqlite.files import Pulses, WriteLock, refuse_network, told
from autores.plugins.stores.sqlite.rows import compiled
from autores.plugins.stores.sqlite.schema import MIGRATIONS
from autores.records import Phase
from autores.status import Status, Verdict
from autores.testing.stores import CREATED, life, write

WRITER = """
import sys
from pathlib import Path
from autores.lineage.store import create
from autores.plugins.stores.sqlite import SqliteStore
from autores.testing.stores import CREATED, life
store = SqliteStore(Path(sys.argv[1]))
create(store, CREATED)
print("leased", store.lease("supervisor", "writer", 3600.0), flush=True)
while True:
    trial = store.head().next_trial
    store.append(lambda head: life(trial))
    print(trial, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lineage.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, patience=0.2)
    create(store, CREATED)
    yield store
    store.close()


def refill(store: LineageStore, trials: int) -> None:
    for trial in range(trials):
        write(store, *life(trial))


# -------------------------------------------------------------------------------- opening


def test_a_url_names_a_file(path: Path) -> None:
    store = autores_store(f"sqlite:{path}")
    assert store is not None
    store.close()
    assert path.exists()
    assert autores_store("memory:") is None


@pytest.mark.parametrize("url", ["sqlite:", "sqlite:/nowhere/at/all/lineage.db"])
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        autores_store(url)


def test_another_sqlite_file_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(UserError, match="no lineage"):
        SqliteStore(path)


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_file_is_said_to_be(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreDamaged, match="damaged"):
        SqliteStore(path)


def test_a_damaged_row_is_said_to_be(store: SqliteStore, path: Path) -> None:
    refill(store, 1)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE trials SET body = '{}', changed = 99")
        other.execute("UPDATE events SET body = '[]' WHERE seq = 2")
    other.close()
    reader = SqliteStore(path)
    with pytest.raises(StoreDamaged, match="trial 0"):
        reader.get(0)
    with pytest.raises(StoreDamaged, match="autores audit"):
        reader.since(0)
    reader.close()


def test_what_another_process_writes_is_read_at_once(store: SqliteStore, path: Path) -> None:
    refill(store, 1)
    other = SqliteStore(path)
    before = store.head(), store.get(0)
    write(other, Marked(trial=0, name="seen", text="by the other"))
    assert store.head() == other.head() != before[0]
    assert store.get(0) == other.get(0) != before[1]
    write(store, Marked(trial=0, name="seen", text="by us"))
    assert other.head() == store.head()
    assert other.get(0).marks["seen"] == store.get(0).marks["seen"] == "by us"
    other.close()


def test_nothing_is_remembered_of_what_was_not_committed(store: SqliteStore) -> None:
    refill(store, 1)
    before = store.head(), store.get(0)

    def refused(head: Head) -> tuple[Body, ...]:
        return Marked(trial=0, name="a", text="b"), Gated(trial=99)

    with pytest.raises(NoSuchTrial):
        store.append(refused)
    assert (store.head(), store.get(0)) == before


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.head()


# ------------------------------------------------------------------------------- versions


def test_a_newer_schema_is_refused(store: SqliteStore, path: Path) -> None:
    store.close()
    SqliteStore(path, migrations=(*MIGRATIONS, "CREATE TABLE later (x)")).close()
    with pytest.raises(StoreTooNew, match="newer autores"):
        SqliteStore(path)


def test_an_older_schema_is_migrated_after_a_backup(store: SqliteStore, path: Path) -> None:
    refill(store, 3)
    head = store.head()
    store.close()
    migrations = (*MIGRATIONS, "CREATE TABLE later (x); INSERT INTO later VALUES (1)")
    SqliteStore(path, migrations=migrations).close()
    newer = SqliteStore(path, migrations=migrations)
    assert newer.head() == head
    assert audit(newer) == ()
    newer.close()
    older = SqliteStore(path.with_name("lineage.db.v1.backup"))
    assert older.head() == head
    older.close()


def test_a_migration_that_fails_changes_nothing(store: SqliteStore, path: Path) -> None:
    refill(store, 1)
    head = store.head()
    store.close()
    with pytest.raises(StoreError):
        SqliteStore(path, migrations=(*MIGRATIONS, "CREATE TABLE later (x); SELECT nonsense"))
    again = SqliteStore(path)
    assert again.head() == head
    again.close()


# -------------------------------------------------------------------------- rights, space


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom file modes bind, which root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Path]:
    """A lineage of two trials that may be read and not be written."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    store = SqliteStore(folder / "lineage.db")
    create(store, CREATED)
    refill(store, 2)
    store.close()
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == os.geteuid() and "pytest" in str(place):
            place.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    yield folder / "lineage.db"
    folder.chmod(0o755)


def test_a_read_only_store_is_read_and_not_written(guarded: Path) -> None:
    with unprivileged():
        store = SqliteStore(guarded)
        assert store.head().next_trial == 2
        assert len(store.query(Query())) == 2
        assert audit(store) == ()
        for refused in (
            lambda: write(store, *life(2)),
            lambda: store.set_cursor("x", 1),
            lambda: store.lease("supervisor", "me", 1.0),
        ):
            with pytest.raises(StoreReadOnly, match="rights"):
                refused()
        store.close()


def test_a_read_only_folder_holds_no_new_store(guarded: Path) -> None:
    with unprivileged(), pytest.raises(StoreReadOnly, match="rights"):
        SqliteStore(guarded.with_name("new.db"))


def test_a_read_only_store_is_not_migrated(guarded: Path) -> None:
    with unprivileged(), pytest.raises(StoreReadOnly, match="older schema"):
        SqliteStore(guarded, migrations=(*MIGRATIONS, "CREATE TABLE later (x)"))


def test_a_full_disk_loses_nothing(store: SqliteStore, path: Path) -> None:
    refill(store, 2)
    head = store.head()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192, hard))
    try:
        with pytest.raises(StoreError, match=r"space|cannot be used"):
            for trial in range(2, 500):
                write(store, *life(trial))
                head = store.head()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.head() == head
    write(store, *life(head.next_trial))
    assert audit(store) == ()


def test_a_full_database_says_that_there_is_no_space(store: SqliteStore) -> None:
    refill(store, 2)
    head = store.head()
    store._writer.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreFull, match="no space is left"):
        refill_from = head.next_trial
        for trial in range(refill_from, refill_from + 500):
            write(store, *life(trial))
            head = store.head()
    assert store.head() == head
    store._writer.execute("PRAGMA max_page_count = 1000000")
    write(store, *life(head.next_trial))
    assert audit(store) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_file_system_loses_nothing(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        store = SqliteStore(tmp_path / "lineage.db")
        create(store, CREATED)
        written = 0
        with pytest.raises(StoreFull, match="no space is left"):
            for trial in range(5000):
                write(store, *life(trial))
                written = trial + 1
        assert store.head().next_trial == written
        store.close()
        again = SqliteStore(tmp_path / "lineage.db")
        assert again.head().next_trial == written > 0
        assert audit(again) == ()
        again.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("kind", ["nfs4", "cifs"])
def test_network_file_systems_are_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"31 22 0:40 / {tmp_path} rw,relatime shared:1 - {kind} host:/share rw\n"
    )
    with pytest.raises(UserError, match=kind):
        refuse_network(tmp_path / "lineage.db", mounts)
    refuse_network(Path("/lineage.db"), mounts)
    refuse_network(Path("/lineage.db"), tmp_path / "missing")


# ------------------------------------------------------------------------- many processes


def test_a_locked_store_says_so_and_loses_nothing(store: SqliteStore, path: Path) -> None:
    head = store.head()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked, match="another process"):
        refill(store, 1)
    assert store.head() == head
    other.execute("ROLLBACK")
    other.close()
    refill(store, 1)


def test_writers_wait_their_turn(path: Path) -> None:
    one, two = WriteLock(path, 0.05), WriteLock(path, 0.05)
    with one.held(), pytest.raises(StoreLocked, match="another process"), two.held():
        pass
    with two.held():
        blocked = threading.Thread(target=lambda: _fails(two))
        blocked.start()
        blocked.join()
    one.close()
    two.close()


def _fails(lock: WriteLock) -> None:
    with pytest.raises(StoreLocked, match="another thread"), lock.held():
        pass


def test_reads_do_not_wait_for_writes(store: SqliteStore) -> None:
    refill(store, 1)
    seen: list[int] = []

    def build(head: object) -> tuple[()]:
        reader = threading.Thread(target=lambda: seen.append(store.get(0).id))
        reader.start()
        reader.join(5.0)
        return ()

    store.append(build)
    assert seen == [0]


@pytest.fixture
def spawn(path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a process that holds the supervisor's lease and writes without end."""
    started: list[subprocess.Popen[str]] = []

    def spawn() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(path)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield spawn
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_kill_9_loses_no_finished_trial(
    path: Path, spawn: Callable[[], subprocess.Popen[str]]
) -> None:
    reported = -1
    for lines in (1, 3, 8, 20):
        writer = spawn()
        assert writer.stdout is not None
        assert writer.stdout.readline() == "leased True\n"
        for _ in range(lines):
            reported = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        store = SqliteStore(path)
        assert store.head().next_trial > reported
        assert store.head().finished == store.head().next_trial
        assert audit(store) == ()
        store.close()


def test_the_lease_of_a_living_process_holds_and_that_of_a_dead_one_does_not(
    path: Path, spawn: Callable[[], subprocess.Popen[str]]
) -> None:
    writer = spawn()
    assert writer.stdout is not None
    assert writer.stdout.readline() == "leased True\n"
    store = SqliteStore(path)
    assert not store.lease("supervisor", "me", 60.0)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert store.lease("supervisor", "me", 60.0)
    assert store.lease("supervisor", "me", 60.0)
    store.close()


def test_a_pulse_ends_with_its_holder(path: Path) -> None:
    one, two = Pulses(path), Pulses(path)
    assert one.begin("x", "a")
    assert not two.begin("x", "b")
    assert not two.has_ended("x", "a")
    assert not one.has_ended("x", "a")
    one.close()
    assert two.has_ended("x", "a")
    assert two.begin("x", "b")
    assert not two.has_ended("x", "somebody who took it over")
    assert one.begin("x", "c")
    one.close()


# -------------------------------------------------------------------------------- the rest


def test_what_os_errors_say(path: Path) -> None:
    for code, kind in ((28, StoreFull), (13, StoreReadOnly), (5, StoreError)):
        with pytest.raises(kind, match=str(path)), told(path):
            raise OSError(code, os.strerror(code))


def test_queries_are_answered_by_an_index(store: SqliteStore) -> None:
    unfinished = (Phase.QUEUED, Phase.RUNNING, Phase.MEASURED)
    for query in (
        Query(statuses=(Status.KEEP, Status.LEAD), order=Order.BEST, limit=5),
        Query(statuses=(Status.KEEP,), order=Order.LATEST, visible=True, limit=5),
        Query(specialist="optim", order=Order.LATEST, visible=True, limit=5),
        Query(specialist="optim", order=Order.NEWEST, limit=5),
        Query(specialist="optim", order=Order.BEST, limit=5),
        Query(parent=3, order=Order.NEWEST, visible=True, limit=5),
        Query(order=Order.LATEST, visible=True, limit=5),
        Query(order=Order.BEST, limit=5),
        Query(text="warm up", order=Order.NEWEST, visible=True, limit=5),
        Query(unsettled=True),
        Query(session="s1"),
        Query(tree="t", limit=1),
        Query(before=7, order=Order.NEWEST, limit=5),
        Query(phases=unfinished),
    ):
        sql, arguments = compiled(query)
        plan = [row[3] for row in store._rows(f"EXPLAIN QUERY PLAN {sql}", arguments)]
        scans = [step for step in plan if step.startswith("SCAN trials")]
        sorted_ = [step for step in plan if "TEMP B-TREE" in step]
        assert not scans, (query, plan)
        few = query.session or query.phases or len(query.statuses) > 1
        assert few or not sorted_, (query, plan)


def test_the_life_of_keeps_survives_reopening(store: SqliteStore, path: Path) -> None:
    write(store, *life(0), *life(1, 0.5, Verdict.KEEP))
    other = SqliteStore(path)
    assert other.head().best == 1
    assert other.get(1) == store.get(1)
    other.close()
