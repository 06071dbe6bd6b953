from __future__ import annotations

from pathlib import Path

import pytest

from autores.testing.faults import TRIALS, kill_and_resume


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_loses_nothing(seed: int, tmp_path: Path) -> None:
    killed = kill_and_resume(tmp_path, seed)
    assert killed.code == 0, killed.findings
    assert killed.findings == ()
    assert killed.missing == []
    assert sorted(killed.after) == list(range(1, TRIALS + 1))


@pytest.mark.full
def test_nothing_is_lost_with_evaluators_in_processes_of_their_own(tmp_path: Path) -> None:
    killed = kill_and_resume(
        tmp_path, 6, extra=("--executor", "local", "--max-trials", "4", "--policy", "strict")
    )
    assert (killed.code, killed.findings, killed.missing) == (0, (), [])
    assert sorted(killed.after) == [1, 2, 3, 4]
