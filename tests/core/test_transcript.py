from __future__ import annotations

import json
from pathlib import Path

import pytest

from autores.folder import RunFolder
from autores.records import Cost
from autores.transcript import Transcript, interrupted


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "one")
    folder.create()
    return folder


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_can_be_read_while_it_goes_on(folder: RunFolder) -> None:
    transcript = Transcript(folder, "a.1")
    transcript.record("note", {"text": "two\nlines", "cost": Cost(dollars=1.5)})
    (line,) = lines(folder.transcript("a.1", is_open=True))
    assert (line["kind"], line["content"]) == (
        "note",
        {"text": "two\nlines", "cost": {"dollars": 1.5}},
    )
    assert isinstance(line["at"], float)
    transcript.close()
    assert lines(folder.transcript("a.1")) == [line]
    assert not folder.transcript("a.1", is_open=True).exists()


def test_anything_can_be_recorded(folder: RunFolder) -> None:
    transcript = Transcript(folder, "a.1")
    for content in (object(), "half a character \ud800", None, {1: (2, 3)}):
        transcript.record("odd", content)
    transcript.close()
    found = [line["content"] for line in lines(folder.transcript("a.1"))]
    assert str(found[0]).startswith("<object object")
    assert found[2:] == [None, {"1": [2, 3]}]


def test_what_was_left_open_is_closed(folder: RunFolder) -> None:
    left = [Transcript(folder, name) for name in ("b.1", "a.1")]
    Transcript(folder, "c.1").close()
    for transcript in left:
        transcript.record("note", "")
        transcript._file.close()  # as if its process had been killed
    assert interrupted(folder) == ["a.1", "b.1"]
    assert interrupted(folder) == []
    assert len(lines(folder.transcript("a.1"))) == 1
