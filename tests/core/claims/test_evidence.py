from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autores.claims.ablating import ablate_path
from autores.claims.certifying import certify_best
from autores.cli import run as command
from autores.config import Environment
from autores.errors import UserError
from autores.events import Certified, Verified
from autores.lineage.audit import audit
from autores.lineage.store import Query
from autores.reading import reading
from autores.readmodel import read as read_story
from autores.records import Purpose, Split
from autores.run import Run
from autores.status import Status
from autores.testing.runs import Played, play, play_on

Within = Callable[..., Any]


def test_each_step_is_left_out_and_the_idle_one_is_named(stepped: Played, within: Within) -> None:
    found = within(stepped, lambda run: ablate_path(run, None, looks=6, error=0.05))
    helps, idle = found.steps
    assert (found.trial, helps.trial, idle.trial) == (2, 1, 2)
    assert helps.contributes > 0 and not helps.idle
    assert idle.idle and idle.without == 1  # the best without its last step is the one before
    assert found.simpler == 1 and found.loses == 0
    with stepped.reading() as read:
        assert audit(read.store, read.code) == ()
        made = read.store.get(helps.without)
        assert (made.arm, made.status, made.finished) == ("ablation", Status.DISCARD, True)
        assert read.store.head().best == 2
        bodies = [event.body for event in read.store.since(0)]
        verdicts = [body.verdict for body in bodies if isinstance(body, Verified)]
        assert [v["trial"] for v in verdicts if v["kind"] == "ablation"] == [1, 2]
        story = read_story(read.store, read.task)
        assert {step: found.idle for step, found in story.left_out.items()} == {1: False, 2: True}
        assert story.left_out[1].contributes == helps.contributes
        assert story.left_out[1].interval == helps.interval
        assert story.simpler and (story.simpler.without, story.simpler.wins) == (1, True)
    again = within(stepped, lambda run: ablate_path(run, None, looks=2, error=0.05))
    assert again.steps[0].without == helps.without  # nothing is made twice
    after = play_on(stepped, max_trials=4, agent="scripted")
    with after.reading() as read:
        assert all(trial.finished for trial in read.store.query(Query()))


def test_without_a_keep_there_is_nothing_to_ablate(tmp_path: Path, within: Within) -> None:
    played = play(tmp_path, max_trials=0)

    async def refused(run: Run) -> None:
        with pytest.raises(UserError, match="no step to leave out"):
            await ablate_path(run, None, looks=2, error=0.05)
        with pytest.raises(UserError, match="no gain to certify"):
            await certify_best(run, trial=None, seeds=2, error=0.05, force=False)

    within(played, refused)


def test_the_best_is_certified_once_on_what_was_held_back(stepped: Played, within: Within) -> None:
    async def twice(run: Run) -> None:
        found = await certify_best(run, trial=None, seeds=6, error=0.05, force=False)
        assert found.verdict.verified and found.on and not found.forced
        assert found.shrinkage == pytest.approx(1 - found.verdict.effect / found.claimed)
        with pytest.raises(UserError, match="--force"):
            await certify_best(run, trial=1, seeds=6, error=0.05, force=False)
        assert (await certify_best(run, trial=None, seeds=2, error=0.05, force=True)).forced

    with stepped.reading() as found:
        before = found.store.get(2).score
    within(stepped, twice)
    with stepped.reading() as found:
        looks = [k for k in found.store.looks(2) if k.evaluation.purpose is Purpose.CERTIFY]
        assert {look.evaluation.split for look in looks} == {Split.CERTIFICATION}
        assert found.store.get(2).score == before  # it never ranks
        bodies = [event.body for event in found.store.since(0)]
        assert [b.forced for b in bodies if isinstance(b, Certified)] == [False, True]


def test_a_gain_is_measured_elsewhere(
    stepped: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORES_DATA", str(stepped.environment.data_dir))
    root = str(stepped.root)
    assert command(["transfer", root, "1"]) == 2
    assert "--profile" in capsys.readouterr().err
    assert command(["transfer", root, "1", "--fresh-world", "--seeds", "4", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    there = Path(told["run"])
    assert there.name == "run-0001-in-default-anew"
    with reading(there, Environment.read()) as other, stepped.reading() as here:
        worlds = {look.evaluation.world for found in (other, here) for look in found.store.looks(0)}
        assert len(worlds) == 2
        assert other.store.get(1).submission.tree == here.store.get(1).submission.tree
        assert "fresh world" in here.store.get(1).marks["transfer"]


def test_the_commands(
    stepped: Played, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORES_DATA", str(stepped.environment.data_dir))
    assert command(["ablate", str(stepped.root), "--looks", "4"]) == 0
    assert "the simpler recipe wins the tie: trial 1" in capsys.readouterr().out
    assert command(["certify", str(stepped.root), "--seeds", "4"]) == 0
    told = capsys.readouterr().out
    assert "trial 2 against trial 0: certified" in told and "shrinkage" in told
    assert command(["certify", str(stepped.root), "--seeds", "4"]) == 2
