from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_lines_of_json_by_default(finished: Command) -> None:
    lines = [json.loads(line) for line in finished("export", "one").out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[0]["kind"] == "created"


def test_tables(finished: Command, place: Path) -> None:
    said = finished("export", "one", "--format", "tsv")
    assert said.out.startswith("exp_id\ttimestamp\tspecialist\t")
    assert len(said.out.splitlines()) == 6
    assert finished("export", "one", "--format", "csv", "--out", "one.csv").code == 0
    assert (place / "one.csv").read_text().startswith("trial,parent,")


def test_a_bundle_needs_a_file(finished: Command, place: Path) -> None:
    said = finished("export", "one", "--format", "git-bundle")
    assert (said.code, said.out) == (2, "")
    assert "--out" in said.err
    assert finished("export", "one", "--format", "git-bundle", "--out", "one.bundle").code == 0
    assert (place / "one.bundle").read_bytes().startswith(b"# v2 git bundle")


def test_columns_of_a_published_task(finished: Command) -> None:
    said = finished("export", "one", "--format", "tsv", "--columns", "nanochat")
    assert "\tstatus\tcore_metric\tval_bpb\tdelta_vs_best\t" in said.out
    assert "--format tsv" in finished("export", "one", "--columns", "cifar").err
