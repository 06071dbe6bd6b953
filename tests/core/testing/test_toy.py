from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.trees import FileTree
from autores.manager import Group, PluginManager
from autores.records import Outcome, Split
from autores.status import Cause
from autores.testing import toy
from autores.testing.executors import ToyJobs
from autores.testing.toy import autores_evaluate, autores_prepare, autores_task, read_numbers

SEED_RECIPE = (Path(toy.__file__).parent / "recipe" / "fit.py").read_bytes()
GOOD = {"degree": 6, "ridge": 0.001, "rate": 0.3, "steps": 400}


@pytest.fixture
def jobs(tmp_path: Path) -> ToyJobs:
    jobs = ToyJobs(tmp_path)
    (jobs.data / "toy" / "held_out" / "key").write_bytes(b"the same in every run of the tests")
    return jobs


def code(**numbers: Any) -> bytes:
    return "".join(f"{name} = {value}\n" for name, value in numbers.items()).encode()


def measured(jobs: ToyJobs, source: bytes, *seeds: int, **changes: Any) -> Outcome:
    request: EvaluationRequest = jobs.request(1)
    evaluation = replace(request.evaluation, seeds=seeds or (1,), **changes)
    tree = FileTree({"fit.py": source})
    return autores_evaluate(replace(request, evaluation=evaluation), tree)


def test_it_is_a_task_like_any_other() -> None:
    plugins = PluginManager()
    plugins.load(Group.TASK, "toy")
    task = plugins.hook.autores_task(profile="")
    assert (task.name, task.profile, task.profiles) == ("toy", "default", ("default", "slow"))
    assert plugins.hook.autores_task(profile="slow").sizes["pause"] > 0
    assert plugins.hook.autores_budget(task=task).wall == {"train": 5.0}
    with pytest.raises(UserError, match="unknown toy profile 'slo'; known: slow"):
        autores_task(profile="slo")


def test_every_number_has_an_owner() -> None:
    owned = {symbol.split("::")[1] for globs in toy.SURFACES.values() for symbol in globs}
    assert owned == set(toy.NAMES)


def test_its_key_is_drawn_once_and_hidden(tmp_path: Path) -> None:
    task = autores_task(profile="")
    world = autores_prepare(task, tmp_path)
    assert autores_prepare(task, tmp_path) == world != ""
    assert autores_prepare(task, tmp_path / "other") != world
    (key,) = (tmp_path / "toy" / "held_out").iterdir()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert world not in key.read_bytes().hex()


def test_a_world_in_which_the_seed_recipe_could_fail_is_not_drawn(
    jobs: ToyJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard, fair = b"155", b"7"
    (jobs.data / "toy" / "held_out" / "key").write_bytes(hard)
    assert measured(jobs, SEED_RECIPE).cause is Cause.GATE
    drawn = iter((hard, fair))
    monkeypatch.setattr(toy.secrets, "token_bytes", lambda size: next(drawn))
    other = jobs.data.parent / "other"
    autores_prepare(autores_task(profile=""), other)
    assert (other / "toy" / "held_out" / "key").read_bytes() == fair


def test_better_numbers_score_better(jobs: ToyJobs) -> None:
    before, after = (measured(jobs, source, 1, 2, 3) for source in (SEED_RECIPE, code(**GOOD)))
    assert before.cause is after.cause is Cause.VALID
    assert before.score is not None and after.score is not None
    assert after.score < before.score


def test_the_same_seed_measures_the_same(jobs: ToyJobs) -> None:
    one, two = (measured(jobs, code(**GOOD), 5, 6) for _ in range(2))
    assert (one.score, one.counts, one.samples) == (two.score, two.counts, two.samples)
    assert one.samples[0].score != one.samples[1].score
    assert one.counts["asked"] == 400
    assert one.score == sum(s.score for s in one.samples) / 2


def test_certification_asks_of_other_points(jobs: ToyJobs) -> None:
    one, other = (measured(jobs, code(**GOOD), 5, split=split) for split in Split)
    assert one.score != other.score


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (code(**GOOD | {"degree": 65}), Cause.MEMORY),
        (code(**GOOD | {"degree": -1}), Cause.EXITED),
        (code(**GOOD | {"degree": 50, "steps": 500}), Cause.TRAIN_TIME),
        (code(**GOOD | {"rate": 1e200}), Cause.NOT_FINITE),
        (code(**GOOD | {"rate": 50.0, "steps": 3}), Cause.GATE),
        (b"degree = (", Cause.SMOKE),
        (code(degree=4), Cause.EXITED),
        (code(**GOOD | {"rate": "float('0.1')"}), Cause.EXITED),
    ],
)
def test_it_fails_in_several_ways(jobs: ToyJobs, source: bytes, cause: Cause) -> None:
    outcome = measured(jobs, source)
    assert outcome.cause is cause
    assert outcome.score is None
    assert outcome.detail or cause is Cause.GATE


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_a_recipe_is_read_and_never_run(source: bytes) -> None:
    try:
        numbers = read_numbers(source)
    except toy.Failed as failure:
        assert failure.cause in (Cause.SMOKE, Cause.EXITED)
    else:
        assert set(numbers) == set(toy.NAMES)


def test_numbers_are_read_as_they_stand() -> None:
    assert read_numbers(b"import os\n" + code(**GOOD)) == GOOD
    assert read_numbers(code(**GOOD) + b"rate = 0.5\n")["rate"] == 0.5
