from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_a_sound_run(finished: Command) -> None:
    said = finished("audit", "one")
    assert (said.code, said.err) == (0, "")
    head = finished("best", "one", "--json").json["head_hash"]
    assert finished("audit", "one", "--head", head[:12]).code == 0


def test_a_cut_tail_shows_against_a_printed_hash(finished: Command) -> None:
    said = finished("audit", "one", "--head", "f" * 64)
    assert said.code == 1
    assert said.out.strip()


def test_a_changed_record_is_found(finished: Command) -> None:
    database = sqlite3.connect(Path("runs/one/lineage.db"))
    tables = [
        row[0] for row in database.execute("select name from sqlite_master where type='table'")
    ]
    (events,) = (t for t in tables if t in ("event", "events"))
    for (trigger,) in database.execute(
        "select name from sqlite_master where type='trigger'"
    ).fetchall():
        database.execute(f"drop trigger {trigger}")
    with database:
        database.execute(
            f"update {events} set body = replace(body, 'hypothesis\":\"', 'hypothesis\":\"not ')"
            " where kind = 'accepted'"
        )
    database.close()
    said = finished("audit", "one", "--json")
    assert said.code == 1
    assert said.json
