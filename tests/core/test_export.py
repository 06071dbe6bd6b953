from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.events import Body, Calibrated
from autores.export import jsonl, write_bundle, write_csv, write_tsv
from autores.lineage.chain import Link, flaws
from autores.lineage.store import LineageStore, create
from autores.plugins.stores.memory import MemoryStore
from autores.readmodel import Story, read
from autores.records import Calibration, Direction, Metric, Recipe, Task
from autores.status import Cause, Verdict
from autores.testing.stores import CREATED, life
from autores.workspace.repository import CodeRepository

TASK = Task(
    name="toy",
    title="Toy",
    metric=Metric(name="loss", direction=Direction.MINIMIZE),
    recipe=Recipe(path="/nowhere"),
)
PUBLISHED = """exp_id timestamp specialist parent_exp baseline_exp domain hypothesis expected_delta
status loss delta_vs_best artifact_bytes train_s eval_s total_s job_name snapshot_path notes"""


@pytest.fixture
def store() -> LineageStore:
    made = MemoryStore()
    create(made, CREATED)
    lives: list[list[Body]] = [
        life(0, 1.0, specialist="seed"),
        [Calibrated(calibration=Calibration(task="toy", profile="", score=1.5))],
        life(1, 0.9, Verdict.KEEP, hypothesis='say "tab\tquote", please\nnow', expected_delta=-0.1),
        life(2, Cause.EXITED, parents=[1]),
        life(3, 1.25, parents=[1], notes="=cmd()"),
    ]
    for bodies in lives:
        made.append(lambda head, bodies=bodies: bodies)  # type: ignore[misc]
    return made


@pytest.fixture
def story(store: LineageStore) -> Story:
    return read(store, TASK)


def rows(text: str, delimiter: str) -> list[dict[str, str]]:
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter, quoting=quoting))


def test_jsonl_is_the_chain(store: LineageStore) -> None:
    lines = list(map(json.loads, jsonl(store)))
    links = [
        Link(**data | {"body": json.dumps(data["body"], sort_keys=True, separators=(",", ":"))})
        for data in lines
    ]
    assert list(flaws(links)) == []
    assert links[-1].hash == store.head().hash


def test_tsv_has_the_published_columns(story: Story) -> None:
    file = io.StringIO()
    write_tsv(story, file)
    header, *lines = file.getvalue().splitlines()
    assert header.split("\t") == PUBLISHED.split()
    assert {line.count("\t") for line in lines} == {header.count("\t")}
    seed, keep, crash, worse = rows(file.getvalue(), "\t")
    assert (seed["exp_id"], seed["specialist"], seed["loss"]) == ("000", "baseline", "1.500000")
    assert (keep["status"], keep["baseline_exp"], keep["delta_vs_best"]) == (
        "keep",
        "000",
        "-0.600000",
    )
    assert (crash["status"], crash["loss"], crash["delta_vs_best"]) == ("crash", "", "")
    assert (worse["baseline_exp"], worse["delta_vs_best"]) == ("001", "+0.350000")


def test_csv_has_everything(story: Story) -> None:
    file = io.StringIO()
    write_csv(story, file)
    seed, keep, crash, worse = rows(file.getvalue(), ",")
    assert keep["hypothesis"].startswith('say "tab')
    assert float(keep["gain_over_baseline"]) == pytest.approx(0.6)
    assert (crash["cause"], crash["score"], crash["parent"]) == ("exited", "", "1")
    assert (seed["parent"], worse["notes"]) == ("", "=cmd()")


def test_a_run_without_trials_gives_an_empty_table() -> None:
    file = io.StringIO()
    write_tsv(read(MemoryStore(), TASK), file)
    write_csv(read(MemoryStore(), TASK), file)


def test_a_bundle_can_be_cloned(tmp_path: Path) -> None:
    code = CodeRepository.create(tmp_path / "code.git")
    commit = code.seed({"a.py": b"one = 1\n"})
    code.publish({0: commit})
    code.publish_keeps([commit])
    write_bundle(code.path, tmp_path / "run.bundle")
    command = ["git", "clone", "-q", str(tmp_path / "run.bundle"), str(tmp_path / "clone")]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "clone" / "a.py").read_bytes() == b"one = 1\n"


def test_a_bundle_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    code = CodeRepository.create(tmp_path / "code.git")
    with pytest.raises(UserError, match="git could not write"):
        write_bundle(code.path, tmp_path / "no" / "such" / "folder")
