from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_a_page_in_the_runs_folder(finished: Command, place: Path) -> None:
    said = finished("report", "one")
    assert said.out.strip().endswith("runs/one/report.html")
    page = (place / "runs/one/report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "Fit a curve that nobody sees" in page
    assert 'id="t4"' in page


def test_markdown_where_it_was_asked_for(finished: Command, place: Path) -> None:
    assert finished("report", "one", "--format", "md", "--out", "one.md").code == 0
    assert (place / "one.md").read_text().startswith("## one\n")


def test_a_folder_is_no_file_to_write(finished: Command, place: Path) -> None:
    said = finished("report", "one", "--out", ".")
    assert said.code == 2 and "is a directory" in said.err
