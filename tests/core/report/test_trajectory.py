from __future__ import annotations

from pathlib import Path

from autores.archive.taking import examine
from autores.readmodel import read
from autores.report.trajectory import trajectory

TABLE = """\
exp_id	timestamp	specialist	parent_exp	hypothesis	expected_delta	status	val_bpb	total_s	notes
000	2026-05-01T03:00:00Z	baseline		seed	0	baseline	1.08		
001	2026-05-01T04:00:00Z	opt	000	raise the rate a <b>little</b>	-0.01	size_blocked	1.07	900	11 bytes over
002	2026-05-01T05:00:00Z	opt	000	raise the rate a <b>little</b>	-0.01	discard	1.09	900	
"""


def told(folder: Path, text: str) -> str:
    (folder / "results.tsv").write_text(text)
    found = examine(folder / "results.tsv")
    return trajectory(read(found.store, found.task))


def test_misses_and_repeated_ideas_are_told_and_escaped(tmp_path: Path) -> None:
    page = told(tmp_path, TABLE)
    assert "11 bytes over" in page and 'href="#t1"' in page
    assert "Ideas that came again" in page and "<b>little" not in page
    assert "How far edits went" not in page  # nobody measured the edits of this run


def test_a_run_without_trials_has_none(tmp_path: Path) -> None:
    assert told(tmp_path, "\n".join(TABLE.split("\n")[:2]) + "\n") == ""
