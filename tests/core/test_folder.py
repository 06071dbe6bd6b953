from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autores.folder import RunFolder

FOLDER = RunFolder(Path("runs/one"))


def test_everything_lies_in_the_runs_folder() -> None:
    named = [
        value
        for name in dir(FOLDER)
        if not name.startswith("_") and isinstance(value := getattr(FOLDER, name), Path)
    ]
    assert len(named) == len(set(named)) > 8
    assert all(path.is_relative_to(FOLDER.root) for path in named)


def test_what_is_always_there_is_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    folder.create()
    folder.create()
    assert folder.workspaces.is_dir()
    assert folder.open_sessions.is_dir()


def test_a_thousand_trials_lie_in_a_folder() -> None:
    assert FOLDER.trial(7) == FOLDER.root / "trials" / "000" / "0007"
    assert FOLDER.trial(12_345) == FOLDER.root / "trials" / "012" / "12345"
    assert FOLDER.job("job-7.0-1", 7).parent == FOLDER.trial(7)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_two_trials_share_a_folder(one: int, two: int) -> None:
    assert (FOLDER.trial(one) == FOLDER.trial(two)) == (one == two)


def test_transcripts_of_open_sessions_lie_apart() -> None:
    assert FOLDER.transcript("a.1") == FOLDER.sessions / "a.1.jsonl"
    assert FOLDER.transcript("a.1", is_open=True) == FOLDER.open_sessions / "a.1.jsonl"
    assert FOLDER.workspace("a.1").parent == FOLDER.workspaces
