from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from autores import hookimpl
from autores.claims.verifying import verify_trial
from autores.cli import run as command
from autores.errors import UserError
from autores.events import Verified
from autores.manager import PluginManager
from autores.records import Outcome, Purpose
from autores.run import Run
from autores.testing.runs import Played, play
from autores.verify import Check, Verification

Within = Callable[..., Any]


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory, in_a_world_that_rewards_steps: Callable[[Path], None]
) -> Played:
    tmp_path = tmp_path_factory.mktemp("verified")
    in_a_world_that_rewards_steps(tmp_path)
    edits = [
        {"path": "fit.py", "old": "steps = 60", "new": "steps = 600"},
        {"path": "fit.py", "old": "degree = 4", "new": "degree = 65"},
    ]
    (tmp_path / "script.json").write_text(json.dumps(edits))
    return play(tmp_path, agent__scripted__path=str(tmp_path / "script.json"), max_trials=2)


@pytest.fixture
def verified(within: Within) -> Callable[..., Verification]:
    def verified_in(
        played: Played, trial: int, against: int = 0, plugins: PluginManager | None = None
    ) -> Verification:
        async def work(run: Run) -> Verification:
            return await verify_trial(run, trial, against=against, seeds=6, error=0.01)

        found: Verification = within(played, work, plugins)
        return found

    return verified_in


def test_what_is_much_better_is_verified_on_fresh_interleaved_seeds(
    played: Played, verified: Callable[..., Verification]
) -> None:
    verdict = verified(played, 1)
    assert verdict.verified and verdict.effect > 0 and verdict.looks == (6, 6)
    with played.reading() as found:
        ours, theirs = (
            [k.evaluation for k in found.store.looks(t) if k.evaluation.purpose is Purpose.VERIFY]
            for t in (1, 0)
        )
        assert [e.seeds for e in ours] == [e.seeds for e in theirs]
        assert [e.pair for e in ours] == [e.pair for e in theirs]
        earlier = {s for k in found.store.looks(1)[:1] for s in k.evaluation.seeds}
        assert len({s for e in ours for s in e.seeds} | earlier) == 7
        event = next(e.body for e in found.store.since(0) if isinstance(e.body, Verified))
        assert (event.trial, event.against) == (1, 0)
        assert event.verdict["verified"] and len(event.verdict["checks"]) == 3


def test_the_other_way_round_it_is_not(
    played: Played, verified: Callable[..., Verification]
) -> None:
    verdict = verified(played, 0, 1)
    assert not verdict.verified and verdict.effect < 0


def test_the_task_has_its_own_terms(played: Played, verified: Callable[..., Verification]) -> None:
    class Strict:
        @hookimpl
        def autores_conditions(
            self, trial: tuple[Outcome, ...], against: tuple[Outcome, ...]
        ) -> Iterable[Check]:
            return [Check(name="twelve looks", holds=len(trial) + len(against) == 13)]

    manager = PluginManager()
    manager.register(Strict(), "strict-terms")
    verdict = verified(played, 1, plugins=manager)
    assert not verdict.verified and verdict.checks[-1].name == "twelve looks"


def test_what_never_measured_anything_cannot_be_verified(
    played: Played, verified: Callable[..., Verification]
) -> None:
    with pytest.raises(UserError, match="at least two valid looks"):
        verified(played, 2)
    with pytest.raises(UserError, match="two different trials"):
        verified(played, 0)


def test_a_change_of_the_task_is_noticed(
    played: Played, verified: Callable[..., Verification]
) -> None:
    manifest = played.root / "run.toml"
    text = manifest.read_text()
    begin = text.index("[hashes]")
    manifest.write_text(text[:begin] + text[begin:].replace('task = "', 'task = "00', 1))
    with pytest.raises(UserError, match=r"hashes\.task.*--accept-changes"):
        verified(played, 1)
    manifest.write_text(text)


def test_the_commands(
    played: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORES_DATA", str(played.environment.data_dir))
    root = str(played.root)
    assert command(["verify", root, "1", "--seeds", "4"]) == 0
    assert "trial 1 against trial 0: verified" in capsys.readouterr().out
    assert command(["verify", root, "0", "--against", "1", "--seeds", "4", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["verified"] is False
    assert command(["calibrate", root, "--looks", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["degrees_of_freedom"] == 7
    assert command(["calibrate", root]) == 0
    assert "feasible         yes" in capsys.readouterr().out


def test_a_run_can_begin_with_its_calibration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORES_DATA", str(tmp_path / "data"))
    options = ["--task", "toy", "--executor", "inline", "--out", str(tmp_path), "--name", "new"]
    assert command(["calibrate", *options]) == 0
    assert "spread" in capsys.readouterr().out
    assert command(["resume", str(tmp_path / "new"), "--max-trials", "2", "-q"]) == 0
