from __future__ import annotations

import json
from pathlib import Path

import pytest

from autores.archive.taking import examine, keep, reopened, runs_in
from autores.cli import run
from autores.config import Environment
from autores.errors import UserError
from autores.events import Marked
from autores.export import jsonl
from autores.lineage.audit import audit
from autores.lineage.store import Query, StoreReadOnly
from autores.manifest import Manifest
from autores.reading import reading
from autores.readmodel import read
from autores.records import Direction
from autores.status import Status
from autores.testing.runs import play

TABLE = """\
exp_id	timestamp	specialist	parent_exp	hypothesis	expected_delta	status	val_bpb	delta_vs_best	total_s	notes
000	2026-05-01T03:00:00Z	baseline		seed	0	baseline	1.08			
001	2026-05-01T04:00:00Z	opt	000	rate	-0.01	keep	1.07	-0.010000	900	
002	2026-05-01T05:00:00Z	arch	exp_001	width	-0.01	size_blocked	1.05		900	too large by 5
003	2026-05-01T06:00:00Z	arch	001	mends exp_002	-0.01	discard	1.09	+0.020000	900	
004	2026-05-01T07:00:00Z	arch	001	depth	-0.01	keep	1.06	-0.010000	900	
"""
TREE = """\
exp_id	parent_exp	depth	path	specialist	status	val_bpb	delta_vs_best	hypothesis
000		0	000	baseline	baseline	1.08		seed
001	000	1	000/001	opt	keep	1.07	-0.010000	rate
002	exp_001	0	002	arch	size_blocked	1.05		width
003	001	2	000/001/003	arch	discard	1.09	+0.020000	mends
004	001	2	000/001/004	arch	keep	1.06	-0.010000	depth
"""
BEST = {"exp_id": "004", "val_bpb": 1.06, "delta_vs_prev": "-0.010000"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "results.tsv").write_text(TABLE)
    (folder / "tree.tsv").write_text(TREE)
    (folder / "best.json").write_text(json.dumps(BEST))
    return folder


def test_a_run_is_read_and_checked(source: Path) -> None:
    found = examine(source)
    assert found.statuses == {"baseline": 1, "keep": 2, "discard": 1, "size_blocked": 1}
    assert found.keeps == {"arch": 1, "opt": 1}
    assert found.task.metric.direction is Direction.MINIMIZE
    assert found.best is not None
    assert found.best["trial"] == 4
    assert found.best["relative_improvement"] == pytest.approx(0.02 / 1.08)
    assert not any(check.fails for check in found.checks)


def test_a_difference_that_is_understood_says_why(source: Path) -> None:
    (depth,) = (check for check in examine(source).checks if check.name == "depth")
    assert not depth.holds and not depth.fails and "not found" in depth.why


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("001	000	1", "001	003	1"),
        ("discard	1.09", "discard	1.10"),
        ("arch	keep", "opt	keep"),
    ],
)
def test_a_difference_that_is_not_fails(source: Path, old: str, new: str) -> None:
    (source / "tree.tsv").write_text(TREE.replace(old, new))
    assert any(check.fails for check in examine(source).checks)


def test_another_best_fails(source: Path) -> None:
    (source / "best.json").write_text(json.dumps({**BEST, "exp_id": "exp_001"}))
    assert [c.name for c in examine(source).checks if c.fails] == ["the best trial"]


def test_what_was_taken_in_reads_like_a_run(source: Path, tmp_path: Path) -> None:
    folder = keep(examine(source), tmp_path / "runs")
    with reading(folder.root, Environment.read()) as found:
        assert [t.id for t in found.store.query(Query(statuses=(Status.KEEP,)))] == [1, 4]
        assert [t.id for t in found.store.path(4)] == [0, 1, 4]
        assert found.store.get(2).score is None and found.store.get(2).metrics["val_bpb"] == 1.05
        assert found.store.get(3).submission.cites == (2,)
        assert found.store.get(3).delta == pytest.approx(-0.02)
        (look,) = found.store.looks(4)
        assert look.outcome is not None and look.outcome.score == 1.06
        story = read(found.store, found.task)
        assert [change.trial for change in story.bests] == [0, 1, 4]
        assert story.repairs[0].failed == 2
        with pytest.raises(UserError, match="was not imported"):
            found.commit(4)


def test_it_cannot_be_written_to(source: Path) -> None:
    store = examine(source).store
    with pytest.raises(StoreReadOnly):
        store.append(lambda head: (Marked(name="a", text="b"),))
    with pytest.raises(StoreReadOnly):
        store.lease("supervisor", "me", 1.0)


def test_taken_in_twice_it_is_the_same_and_another_is_refused(source: Path, tmp_path: Path) -> None:
    folder = keep(examine(source), tmp_path / "runs")
    assert keep(examine(source), tmp_path / "runs") == folder
    (source / "results.tsv").write_text(TABLE.replace("1.06", "1.05"))
    with pytest.raises(UserError, match="--name"):
        keep(examine(source), tmp_path / "runs")
    assert reopened(folder, Manifest.read(folder.manifest)).best["score"] == 1.06  # type: ignore[union-attr, index]


def test_our_own_chain_comes_back_as_it_was(tmp_path: Path) -> None:
    played = play(tmp_path / "own", max_trials=6, sessions=2)
    with played.reading() as found:
        (tmp_path / "lineage.jsonl").write_text("".join(jsonl(found.store)))
        head, trials = found.store.head(), found.store.query(Query())
        looks = [found.store.looks(trial.id) for trial in trials]
    imported = examine(tmp_path / "lineage.jsonl")
    assert imported.store.head() == head
    assert imported.store.query(Query()) == trials
    assert [imported.store.looks(trial.id) for trial in trials] == looks
    assert not imported.notes.unrepaired and all(check.holds for check in imported.checks)
    assert audit(imported.store) == ()


def test_a_chain_that_was_changed_or_torn_shows(tmp_path: Path) -> None:
    played = play(tmp_path / "own", max_trials=3)
    with played.reading() as found:
        lines = list(jsonl(found.store))
    file = tmp_path / "lineage.jsonl"
    changed = [line.replace('"rmse":', '"rmsf":', 1) for line in lines]
    file.write_text("".join(changed))
    assert any(check.fails for check in examine(file).checks)
    file.write_text("".join(lines)[:-40])
    torn = examine(file)
    assert [note.line for note in torn.notes.unrepaired] == [len(lines)]
    assert torn.store.head().seq == len(lines) - 1


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(source), "--out", str(tmp_path / "runs"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["statuses"]["keep"] == 2 and told["best"]["exp_id"] == "004"
    assert [note["column"] for note in told["repaired"]] == ["parent_exp"]
    assert told["unrepaired"] == []
    assert (tmp_path / "runs" / "published" / "source" / "tree.tsv").exists()


def test_several_runs_stand_side_by_side(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = source.parent / "worse"
    other.mkdir()
    (other / "results.tsv").write_text(TABLE.replace("keep", "discard"))
    assert runs_in(tmp_path) == [source, other]
    assert run(["import", str(tmp_path), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].split()[:2] == ["run", "trials"]
    assert [line.split()[0] for line in lines[-2:]] == ["published", "worse"]


def test_an_import_is_not_resumed(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = keep(examine(source), tmp_path / "runs")
    assert run(["resume", str(folder.root)]) == 2
    assert "was imported" in capsys.readouterr().err


def test_a_baseline_without_a_score_still_stands_behind_all(source: Path) -> None:
    (source / "best.json").unlink()
    (source / "results.tsv").write_text(TABLE.replace("baseline	1.08", "baseline	"))
    found = examine(source)
    assert [note.line for note in found.notes.unrepaired] == [2]
    assert found.store.get(1).parent == 0 and found.store.get(0).status is Status.BASELINE
    assert found.best is not None and found.best["trial"] == 4
    assert found.best["relative_improvement"] is None
    assert found.store.looks(0)[0].outcome is not None


def test_a_metric_that_rises(tmp_path: Path) -> None:
    text = TABLE.replace("val_bpb", "core_metric").replace("1.07	-0", "1.09	+0")
    (tmp_path / "results.tsv").write_text(text.replace("1.06	-0", "1.12	+0"))
    found = examine(tmp_path)
    assert found.task.metric.direction is Direction.MAXIMIZE
    assert found.best is not None and found.best["gain"] == pytest.approx(0.04)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# nothing\n")
    with pytest.raises(UserError, match=r"results\.tsv"):
        examine(tmp_path)
    with pytest.raises(UserError, match="names no columns"):
        examine(tmp_path / "notes.md")
