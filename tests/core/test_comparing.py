from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from autores import hookimpl
from autores.cli import run as command
from autores.comparing import Compared, Outcome, _difference, compare_arms, settings_of
from autores.config import Environment, SettingsBook, gather
from autores.errors import UserError
from autores.executor import Executor, Job
from autores.reading import reading
from autores.records import Cost
from autores.testing import toy
from autores.testing.inline import Inline
from autores.testing.runs import TOY, WORLD


def book(folder: Path, **settings: Any) -> SettingsBook:
    environment = Environment(data_dir=folder / "data", cache_dir=folder / "cache")
    toy.keep_key(environment.data_dir, WORLD)
    options = {**TOY, "arm": "generalist", "out": folder, "max_trials": 8, "seed": 1, **settings}
    return gather(file=None, environment=environment, options=options)


def compared(folder: Path, arms: Sequence[str], **settings: Any) -> Compared:
    return asyncio.run(compare_arms(book(folder, **settings), arms, repeats=2, looks=2, name="c"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Compared]:
    folder = tmp_path_factory.mktemp("compared")
    return folder, compared(folder, ("specialists", "generic:2", "no-lineage"))


def test_each_arm_runs_with_the_same_budget(found: tuple[Path, Compared]) -> None:
    outcomes = found[1].outcomes
    assert [o.arm for o in outcomes] == [a for a in found[1].arms for _ in range(2)]
    assert {o.trials for o in outcomes} == {8}
    assert all(len(o.curve) == 10 and len(o.invalid_by_quarter) == 4 for o in outcomes)
    assert all(o.curve[-1] == pytest.approx(o.gain) for o in outcomes)


def test_arms_share_seeds_baseline_and_calibration_within_a_repeat(
    found: tuple[Path, Compared],
) -> None:
    calibrations: dict[int, set[object]] = {0: set(), 1: set()}
    secrets: dict[int, set[bytes | None]] = {0: set(), 1: set()}
    for outcome in found[1].outcomes:
        with reading(found[0] / outcome.run, Environment.read()) as run:
            head = run.store.head()
            assert head.calibration is not None
            calibrations[outcome.repeat].add((head.calibration.score, head.calibration.spread))
            secrets[outcome.repeat].add(run.store.secret("run"))
    assert [len(c) for c in calibrations.values()] == [len(s) for s in secrets.values()] == [1, 1]
    assert secrets[0] != secrets[1]


def test_the_same_command_goes_on_where_it_was(found: tuple[Path, Compared]) -> None:
    again = compared(found[0], found[1].arms)
    assert again.outcomes == found[1].outcomes


def test_all_arms_of_a_repeat_measure_on_one_executor(tmp_path: Path) -> None:
    class Once(Inline):
        def __init__(self) -> None:
            super().__init__()
            self.runs: set[str] = set()
            self.closed = False

        async def start(self, job: Job) -> str:
            assert not self.closed
            self.runs.add(job.name.partition(".")[0])
            return await super().start(job)

        async def close(self) -> None:
            self.closed = True
            await super().close()

    class Builder:
        built: ClassVar[list[Once]] = []

        @hookimpl
        def autores_executor(self) -> Executor:
            self.built.append(Once())
            return self.built[-1]

    arms = ("specialists", "no-lineage")
    asyncio.run(
        compare_arms(
            book(tmp_path, max_trials=3), arms, repeats=1, looks=0, name="c", plugins=[Builder()]
        )
    )
    calibrating, comparing = Builder.built  # none for a single arm
    assert calibrating.closed and comparing.closed
    assert calibrating.runs == {"job-0"}
    assert comparing.runs <= {"c-specialists-0", "c-no-lineage-0"}


def test_differences_are_paired() -> None:
    def outcome(arm: str, repeat: int, gain: float) -> Outcome:
        return Outcome(
            arm=arm,
            repeat=repeat,
            run="",
            ended="",
            trials=1,
            keeps=0,
            gain=gain,
            fresh_gain=None,
            curve=(),
            invalid_by_quarter=(),
            repairs_by_citation=0,
            repairs_by_ancestry=0,
            cost=Cost(),
        )

    levels = (1.0, 5.0, 9.0)
    outcomes = [outcome("a", r, level) for r, level in enumerate(levels)]
    outcomes += [outcome("b", r, level + 1 + r / 10) for r, level in enumerate(levels)]
    difference = _difference(outcomes, "b", "a")
    assert difference.gain == pytest.approx(1.1) and difference.interval is not None
    assert difference.interval.low > 0  # although levels differ far more than arms
    single = _difference([o for o in outcomes if not o.repeat], "b", "a")
    assert single.interval is None and single.gain == 1.0


@pytest.mark.parametrize(
    ("arms", "settings", "message"),
    [
        (("specialists", "specialists"), {}, "different arms"),
        (("specialists", "genius"), {}, "no arm 'genius'"),
        (("specialists", "generalist"), {"max_trials": None}, "same budget"),
    ],
)
def test_what_cannot_be_compared(
    tmp_path: Path, arms: Sequence[str], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        compared(tmp_path, arms, **settings)


def test_arms_are_settings() -> None:
    assert settings_of("no-lineage") == {"arm": "specialists", "lineage": False}
    assert settings_of("generic:10") == {"arm": "generic:10", "lineage": True}


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTORES_DATA", str(tmp_path / "data"))
    options = [
        *("--task", "toy", "--executor", "inline", "--agent", "scripted", "--policy", "strict"),
        *("--max-trials", "4", "--out", str(tmp_path), "--repeats", "1", "--looks", "0"),
        *("--arms", "generalist,no-lineage"),
    ]
    assert command(["compare", *options]) == 0
    assert "no-lineage − generalist: " in capsys.readouterr().out
    assert command(["compare", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arms"] == ["generalist", "no-lineage"]
