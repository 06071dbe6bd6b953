"""Each kind of tampering with a lineage is found, wherever in the file it is done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from autores.codec import canonical, strict_loads, to_json
from autores.events import Quarantined
from autores.lineage.audit import Finding, audit
from autores.lineage.chain import Link
from autores.lineage.store import create
from autores.plugins.stores.sqlite import SqliteStore
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, life, started, write

Messages = Sequence[str]


INSERTED = """
INSERT INTO trials SELECT 4, changed, parent, specialist, session, 'new', tree, status, phase,
placing, finished_at, visible, unsettled, leading, kept, body FROM trials WHERE id = 3
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "lineage.db")
    create(store, CREATED)
    write(store, *life(0, 1.0))
    write(store, *life(1, 0.9, Verdict.KEEP))
    write(store, *life(2, Cause.EXITED, parents=(1,)))
    write(store, *life(3, 0.8, Verdict.LEAD, parents=(1,)), Quarantined(trial=2, reason="x"))
    store.close()
    opened = SqliteStore(tmp_path / "lineage.db")  # who writes knows; an auditor reads
    yield opened
    opened.close()


@pytest.fixture
def file(store: SqliteStore, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "lineage.db", isolation_level=None)
    yield connection
    connection.close()


def found(store: SqliteStore, *, head_hash: str | None = None) -> Messages:
    return [str(finding) for finding in audit(store, head_hash=head_hash)]


def reseal(file: sqlite3.Connection, change: Mapping[int, Mapping[str, object]]) -> None:
    """Change events and compute all hashes anew, as a careful forger would."""
    columns = "seq, at, kind, body, previous, hash"
    previous = "0" * 64
    for row in file.execute(f"SELECT {columns} FROM events ORDER BY seq").fetchall():
        link = Link(**dict(zip(columns.split(", "), row, strict=True)))
        link = replace(link, previous=previous, **change.get(link.seq, {}))  # type: ignore[arg-type]
        link = replace(link, hash=link.digest)
        previous = link.hash
        file.execute(
            "UPDATE events SET body = ?, previous = ?, hash = ? WHERE seq = ?",
            (link.body, link.previous, link.hash, link.seq),
        )
    head = strict_loads(file.execute("SELECT body FROM head").fetchone()[0])
    head["hash"] = previous
    file.execute("UPDATE head SET body = ?", (canonical(head).decode(),))


def test_nothing_is_found_where_nothing_is_wrong(store: SqliteStore) -> None:
    assert audit(store) == ()
    for event in store.since(0):
        assert audit(store, head_hash=event.hash) == ()
    assert audit(store, head_hash=event.hash[:12].upper()) == ()


@pytest.mark.parametrize("column", ["body", "at", "kind", "previous", "hash"])
@pytest.mark.parametrize("seq", [1, 5, 18])
def test_a_changed_event_is_found(
    store: SqliteStore, file: sqlite3.Connection, column: str, seq: int
) -> None:
    value = {"body": "{}", "at": 1.0, "kind": "marked"}.get(column, "f" * 64)
    file.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (value, seq))
    assert any(f"event {seq}:" in message for message in found(store))


@pytest.mark.parametrize("seq", [1, 2, 9, 18])
def test_a_missing_event_is_found(store: SqliteStore, file: sqlite3.Connection, seq: int) -> None:
    file.execute("DELETE FROM events WHERE seq = ?", (seq,))
    assert any("missing between" in message for message in found(store))


def test_a_cut_tail_is_found(store: SqliteStore, file: sqlite3.Connection) -> None:
    file.execute("DELETE FROM events WHERE seq > 17")
    assert any("cut" in message for message in found(store))


def test_reordered_events_are_found(store: SqliteStore, file: sqlite3.Connection) -> None:
    for old, new in ((7, 99), (8, 7), (99, 8)):
        file.execute("UPDATE events SET seq = ? WHERE seq = ?", (new, old))
    assert {"event 7", "event 8"} <= {message.split(":")[0] for message in found(store)}


def test_an_inserted_event_is_found(store: SqliteStore, file: sqlite3.Connection) -> None:
    file.execute(
        "INSERT INTO events SELECT seq + 1, at, kind, body, hash, ? FROM events "
        "ORDER BY seq DESC LIMIT 1",
        ("a" * 64,),
    )
    messages = found(store)
    assert any("not what was hashed" in message for message in messages)
    assert any("the head names" in message for message in messages)


def test_a_printed_head_finds_what_was_cut_with_care(store: SqliteStore, tmp_path: Path) -> None:
    head = store.head()
    shorter = SqliteStore(tmp_path / "shorter.db")
    for event in store.since(0)[:-1]:
        write(shorter, event.body)
    assert audit(shorter) == ()
    (finding,) = audit(shorter, head_hash=head.hash)
    assert "was cut or written anew" in finding.message
    shorter.close()


def test_a_printed_head_finds_what_was_written_anew(
    store: SqliteStore, file: sqlite3.Connection
) -> None:
    printed = store.head().hash
    reseal(file, {})
    assert found(store) == []
    reseal(file, {1: {"body": canonical(to_json(replace(CREATED, task="other"))).decode()}})
    messages = found(store, head_hash=printed)
    assert any("was cut or written anew" in message for message in messages)
    assert any("head differs from its events in created" in message for message in messages)


def test_a_forged_score_is_found_in_the_rows(store: SqliteStore, file: sqlite3.Connection) -> None:
    seq, body = file.execute(
        "SELECT seq, body FROM events WHERE kind = 'evaluated' AND seq < 11 AND seq > 5"
    ).fetchone()
    reseal(file, {seq: {"body": body.replace('"score":0.9', '"score":0.1')}})
    assert any("trial 1: the row differs" in message for message in found(store))


def test_an_impossible_history_is_found(store: SqliteStore, file: sqlite3.Connection) -> None:
    (body,) = file.execute("SELECT body FROM events WHERE seq = 6").fetchone()
    reseal(file, {6: {"body": body.replace('"trial":1', '"trial":2')}})
    (message,) = found(store)
    assert message.startswith("event 6: does not fit what went before")


def test_the_measurement_of_another_commit_is_found(store: SqliteStore) -> None:
    other = started(3, 1)
    write(store, replace(other, evaluation=replace(other.evaluation, commit="0" * 40)))
    (finding,) = audit(store)
    assert "another trial's" in finding.message
    assert finding.trial == 3


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE trials SET body = replace(body, '0.8', '0.2') WHERE id = 3", "score"),
        ("UPDATE trials SET body = 'x' WHERE id = 3", "cannot be read"),
        ("UPDATE trials SET placing = 5.0 WHERE id = 3", "best) is out of order"),
        ("UPDATE trials SET placing = NULL WHERE id = 3", "best) has [] and lacks [3]"),
        ("UPDATE trials SET finished_at = 1 WHERE id = 3", "latest) is out of order"),
        ("UPDATE trials SET visible = 1 WHERE id = 2", "visible) has [2]"),
        ("UPDATE trials SET unsettled = 1 WHERE id = 2", "unsettled) has [2]"),
        ("UPDATE trials SET parent = 0 WHERE id = 3", "stands under 0 instead of 1"),
        ("DELETE FROM trials WHERE id = 3", "trial 3: the row is missing"),
        (
            INSERTED,
            "oldest) is out of order",
        ),
        ("UPDATE looks SET ended = 0 WHERE trial = 1", "its evaluations differ"),
        ("DELETE FROM looks WHERE trial = 1", "its evaluations differ"),
        ("UPDATE tallies SET trials = trials + 1", "counts per specialist"),
        ("UPDATE head SET body = replace(body, '\"best\":1', '\"best\":3')", "head differs"),
    ],
)
def test_a_changed_projection_is_found(
    store: SqliteStore, file: sqlite3.Connection, tmp_path: Path, sql: str, message: str
) -> None:
    file.execute(sql)
    fresh = SqliteStore(tmp_path / "lineage.db")
    messages = found(fresh)
    fresh.close()
    assert any(message in each for each in messages), messages


# ---------------------------------------------------------------------------------- code


@dataclass
class FakeCommit:
    parents: Sequence[str] = ()


@dataclass
class FakeRepository:
    commits: dict[str, FakeCommit] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    damage: str = ""

    def __contains__(self, commit: object) -> bool:
        return commit in self.commits

    def log(self, commit: str, limit: int = 100) -> Sequence[FakeCommit]:
        return [self.commits[commit]][:limit]

    def published(self) -> Mapping[int, str]:
        return self.tags

    def fsck(self) -> str:
        return self.damage


@pytest.fixture
def repository(store: SqliteStore) -> FakeRepository:
    repository = FakeRepository()
    for number in range(4):
        trial = store.get(number)
        parents = [f"{parent:040x}" for parent in trial.submission.parents]
        repository.commits[trial.submission.commit] = FakeCommit(parents=parents)
        repository.tags[number] = trial.submission.commit
    return repository


def code_findings(store: SqliteStore, repository: FakeRepository) -> tuple[Finding, ...]:
    return audit(store, repository)


def test_the_code_that_was_recorded_is_found(
    store: SqliteStore, repository: FakeRepository
) -> None:
    assert code_findings(store, repository) == ()
    del repository.tags[3]
    assert code_findings(store, repository) == ()


def test_other_code_is_found(store: SqliteStore, repository: FakeRepository) -> None:
    del repository.commits[f"{2:040x}"]
    repository.commits[f"{3:040x}"] = FakeCommit(parents=["0" * 40])
    repository.tags |= {1: "0" * 40, 9: "0" * 40}
    repository.damage = "bad object"
    messages = [str(finding) for finding in code_findings(store, repository)]
    assert messages == [
        "git fsck: bad object",
        f"trial 1: its tag names {'0' * 40}, not {1:040x}",
        f"trial 2: there is no commit {2:040x}",
        f"trial 3: its commit was made from ['{'0' * 40}']",
        "there is a tag of trial 9, which there is not",
    ]
