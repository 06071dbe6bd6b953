"""One small made-up run, in which everything that an analysis looks for happens once."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.analysis import Analysis, analyse
from autores.analysis.audits import in_domain, read_marks, write_table
from autores.analysis.ideas import duplicates
from autores.archive.taking import Imported, examine, keep
from autores.cli import run
from autores.config import Environment
from autores.errors import UserError
from autores.reading import reading
from autores.readmodel import Story, read
from autores.records import Calibration, EditSize, Phase, Radius, Submission, Trial
from autores.testing.runs import play

TABLE = """\
exp_id	timestamp	specialist	parent_exp	hypothesis	expected_delta	status	val_bpb	delta_vs_best	artifact_bytes	total_s	notes
000	2026-05-01T03:00:00Z	baseline		the seed	0	baseline	1.080		90	900	
001	2026-05-01T04:00:00Z	opt	000	raise the rate of Muon	-0.01	keep	1.070	-0.010000	90	900	
002	2026-05-01T05:00:00Z	arch	001	wider feed forward layers	-0.01	size_blocked	1.050		120	900	30 bytes over
003	2026-05-01T06:00:00Z	arch	001	wider still exp_002	-0.02	crash				60	out of memory
004	2026-05-01T07:00:00Z	arch	001	exp_003 with fewer heads	-0.01	keep	1.060	-0.010000	99	900	
005	2026-05-01T08:00:00Z	loss	004	smooth the labels a little	-0.01	size_blocked	1.055		110	900	11 bytes over
006	2026-05-01T09:00:00Z	opt	004	raise the rate of Muon 2	+0.01	discard	1.075	+0.015000	99	900	
007	2026-05-01T10:00:00Z	loss	004	drop the last layer norm	-0.03	discard	1.065	+0.005000	80	900	
008	2026-05-01T11:00:00Z	loss	004	another temperature there	-0.01	discard	1.061	+0.001000	95	900	
"""


@pytest.fixture
def imported(tmp_path: Path) -> Imported:
    folder = tmp_path / "made-up"
    folder.mkdir()
    (folder / "results.tsv").write_text(TABLE)
    return examine(folder)


@pytest.fixture
def story(imported: Imported) -> Story:
    return read(imported.store, imported.task)


@pytest.fixture
def found(story: Story) -> Analysis:
    return analyse(story)


def test_the_best_over_time(found: Analysis) -> None:
    assert [(step.after, step.trial) for step in found.bests] == [(0, 0), (1, 1), (4, 4)]
    assert found.bests[-1].gain == pytest.approx(0.02)


def test_quarters_hold_all_trials_but_the_baseline(found: Analysis) -> None:
    assert [(q.first, q.last) for q in found.quarters] == [(1, 2), (3, 4), (5, 6), (7, 8)]
    assert found.quarters[1].statuses == {"keep": 1, "crash": 1}
    assert sum(quarter.trials for quarter in found.quarters) == found.trials == 8


def test_what_specialists_brought_and_cost(story: Story) -> None:
    calibration = Calibration(task="t", profile="p", score=1.08, spread=0.005)
    head = replace(story.head, calibration=calibration)
    trials = dict(story.trials)
    trials[4] = replace(trials[4], cost=replace(trials[4].cost, gpu_seconds=7200.0))
    whole = analyse(replace(story, head=head, trials=trials))
    arch, _loss, _opt = (w for w in whole.specialists if w.name != "baseline")
    assert (arch.trials, arch.keeps, arch.failed) == (3, 1, 2)
    assert arch.gain == pytest.approx(0.01) and arch.keep_rate == pytest.approx(1 / 3)
    assert arch.gpu_hours_per_sigma == pytest.approx(1.0)  # two hours for two σ


def test_repairs_are_followed_through_failures(found: Analysis) -> None:
    (chain,) = found.repairs_by_citation
    assert (chain.failed, chain.by, chain.status.value) == ((2, 3), 4, "keep")
    assert found.repairs_by_ancestry == ()


def test_near_misses_are_those_that_nobody_mended(found: Analysis) -> None:
    (miss,) = found.near_misses
    assert miss.trial == 5 and miss.ahead == pytest.approx(0.005)
    assert miss.detail == "11 bytes over"


def test_foresight(found: Analysis) -> None:
    assert found.foresight.pairs == 5
    assert (found.foresight.promises, found.foresight.kept_promises) == (4, 2)
    assert found.foresight.right_signs == pytest.approx(3 / 5)


def test_ideas_that_came_again(found: Analysis) -> None:
    (again,) = found.duplicates
    assert again.trials == (1, 6) and not again.same_code


def test_two_numbers_at_once(found: Analysis) -> None:
    (front,) = found.fronts
    assert [place.trial for place in front.places] == [2, 5, 4, 8, 7]
    assert [place.ranked for place in front.places] == [False, False, True, True, True]


def _trial(number: int, hypothesis: str, tree: str = "", radius: Radius | None = None) -> Trial:
    submission = Submission(
        commit="",
        parents=(0,),
        hypothesis=hypothesis,
        specialist="opt",
        session="",
        call=str(number),
        tree=tree,
        edit=None if radius is None else EditSize(radius=radius),
    )
    return Trial(id=number, submission=submission, phase=Phase.FINISHED)


def test_equal_code_is_the_same_idea_whatever_is_said() -> None:
    (again,) = duplicates([_trial(1, "alpha beta", "t"), _trial(2, "gamma delta", "t")])
    assert again.same_code


@given(st.lists(st.text(alphabet="abc ", max_size=12), max_size=30))
def test_a_trial_is_in_one_group_at_most(texts: list[str]) -> None:
    groups = duplicates(_trial(n, text) for n, text in enumerate(texts, start=1))
    members = [trial for group in groups for trial in group.trials]
    assert len(members) == len(set(members))


def test_an_audit_is_marked_up_and_the_marks_are_kept(
    imported: Imported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(keep(imported, tmp_path / "runs").root)
    table = tmp_path / "arch.tsv"
    assert run(["analyze", root, "--domain", "arch", "--table", str(table)]) == 0
    rows = list(csv.DictReader(table.read_text().splitlines(), dialect="excel-tab"))
    assert [row["trial"] for row in rows] == ["2", "3", "4"]
    rows[1]["mark"], rows[2]["comment"] = "known", "a real idea"
    with table.open("w") as file:
        writer = csv.DictWriter(file, rows[0], dialect="excel-tab")
        writer.writeheader()
        writer.writerows(rows)
    for kept in ("2 marks kept", "0 marks kept"):
        assert run(["analyze", root, "--marks", str(table)]) == 0
        assert kept in capsys.readouterr().out
    with reading(Path(root), Environment.read()) as found:
        assert found.store.get(3).marks == {"mark": "known"}
        assert found.store.get(4).marks == {"comment": "a real idea"}


def test_marks_of_our_own_runs_are_events(tmp_path: Path) -> None:
    played = play(tmp_path, max_trials=3)
    table = tmp_path / "table.tsv"
    with played.reading() as found:
        story = read(found.store, found.task)
        with table.open("w") as file:
            write_table(story, in_domain(story, "generalist"), file)
    lines = table.read_text().splitlines()
    column = lines[0].split("\t").index("mark")
    cells = lines[1].split("\t")
    cells[column] = "novel"
    table.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]))
    assert run(["analyze", str(played.root), "--marks", str(table)]) == 0
    with played.reading() as found:
        assert found.store.get(1).marks == {"mark": "novel"}


def test_an_audit_of_nothing_is_refused(story: Story, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="arch, loss, opt"):
        in_domain(story, "kernels")
    (tmp_path / "t.tsv").write_text("trial\tmark\n77\tx\n")
    with pytest.raises(UserError, match="no trial of this run"):
        read_marks(tmp_path / "t.tsv", story)


def test_the_command_tells_people_and_programs(
    imported: Imported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(keep(imported, tmp_path / "runs").root)
    assert run(["analyze", root]) == 0
    text = capsys.readouterr().out
    for title in ("Best over time", "By quarter", "Repairs", "Near misses", "Foresight"):
        assert title in text
    assert run(["analyze", root, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["near_misses"][0]["trial"] == 5
