from __future__ import annotations

import time
from pathlib import Path

import pytest

from autores.testing.recipes import RecordedHarness, changed_lines, module_at, top_level_names


def test_a_recorded_harness_keeps_what_it_is_told() -> None:
    harness = RecordedHarness(seconds=60)
    harness.data, harness.questions, harness.parts = "/d", (1, 2), ["a", "b"]
    go = harness.ready()
    assert (go.data, go.seed) == ("/d", 7)
    assert 0 < go.deadline - time.monotonic() <= 60
    harness.log(3, loss=0.5)
    harness.save(b"early")
    harness.done()
    assert harness.artifact == b"early"
    harness.done(b"late")
    harness.serve(lambda x: 10 * x)
    assert (harness.artifact, harness.answers, list(harness.stream())) == (
        b"late",
        [10, 20],
        ["a", "b"],
    )
    assert harness.events == ["ready", "save", "done", "done"]
    assert harness.logged == [{"step": 3, "loss": 0.5}]


def test_files_are_modules_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("value = 1\n")
    first, second = module_at(tmp_path / "one.py"), module_at(tmp_path / "one.py")
    first.value = 2
    assert second.value == 1
    with pytest.raises(ValueError, match="no module"):
        module_at(tmp_path / "one.txt")


def test_lines_that_go_and_come_are_counted(tmp_path: Path) -> None:
    (tmp_path / "before").write_text("a\nb\nc\n")
    (tmp_path / "after").write_text("a\nx\ny\nc\nz\n")
    assert changed_lines(tmp_path / "before", tmp_path / "after") == (1, 3)


def test_names_that_a_file_binds_at_its_top(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        "a, b = c = 1, 2\nclass D:\n    e = 1\ndef f():\n    g = 1\nimport os\n"
    )
    assert top_level_names(tmp_path / "one.py") == {"a", "b", "c", "D", "f"}
