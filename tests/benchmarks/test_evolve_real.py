from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from benchmarks import evolve_real
from benchmarks.evolve_measured import Measured
from benchmarks.evolve_real import Real, RealRun, best_of_table, keep, kept_runs, searched
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import Bench, Look, Table
from benchmarks.report import Machine

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import Edit, Files, apply
from autores.plugins.agents.evolve.laboratory import Try

TRIALS = 12


def look(edits: Sequence[Edit], seconds: float, rate: float) -> Look:
    return Look(
        edits=tuple(edits),
        cause="valid",
        score=seconds,
        counts={"right": int(1_000 * min(1, rate)), "asked": 1_000},
        metrics={
            "train_seconds": seconds - 0.4,
            "inference_seconds": 0.4,
            "train_prepare_seconds": 1.5,
            "inference_prepare_seconds": 1.6,
        },
        cpu={},
    )


@lru_cache(maxsize=1)
def found() -> Surrogate:
    """Fewer epochs are faster and less right."""
    random, looks = Random(0), []
    for number in range(60):
        far = 0.0 if number % 6 == 0 else random.uniform(-1.6, 1.6)
        edit = Edit(gene="train.py::epochs_scale", old="1.0", new=f"{2**far:.4g}")
        seconds = 3 * 2 ** (0.5 * far) + random.gauss(0, 0.02)
        looks.append(look([edit] if far else [], seconds, 0.97 + 0.004 * far))
    return Surrogate(
        Table(
            task="airbench",
            profile="micro",
            machine=Machine.here(),
            world="w",
            looks=tuple(looks),
        )
    )


class Counted:
    """Stands where trials are measured; answers as the surrogate does, with its own noise."""

    world = "w"

    def __init__(self, *, breaks: bool = False) -> None:
        self.truths = Measured(found())
        self.breaks = breaks
        self.looks: list[Files] = []

    def look_at(self, files: Files) -> Look:
        self.looks.append(files)
        truth = self.truths.truth(files)
        if self.breaks and len(self.looks) > 3:
            return Look(edits=(), cause="exited", counts={}, metrics={}, cpu={})
        return look((), 3.0 * math.exp(-truth.height), 0.968 + truth.margin)


def real(bench: Counted) -> Real:
    return Real(found(), cast("Bench", bench))


@pytest.fixture(autouse=True)
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolve_real, "LENGTHS", (1, TRIALS))


def test_a_search_is_measured_by_real_looks_and_what_led_by_fresh_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Counted()
    half = Edit(gene="train.py::epochs_scale", old="1.0", new="0.5")
    files = apply(bench.truths.seed_files, [half], bench.truths.moves)
    assert files is not None
    tries = iter([Try(files=files, edits=(half,))])
    monkeypatch.setattr(evolve_real, "SEARCHERS", {"halving": lambda state: next(tries, None)})
    short, run = searched(real(bench), "halving", 2)
    assert (short.trials, short.led, short.gain) == (1, {half.gene: half.new}, run.gain)
    assert (run.searcher, run.seed, run.trials, run.leads) == ("halving", 2, TRIALS, 1)
    assert run.gain > 0.1 and run.worth == run.gain
    last = bench.looks[-2 * evolve_real.FINAL_LOOKS :]
    assert last[::2] == [bench.truths.seed_files] * evolve_real.FINAL_LOOKS
    assert bench.truths.truth(last[1]).height == pytest.approx(run.gain, abs=1e-3)


def test_the_best_of_a_table_are_measured_anew_in_turn_with_the_seed_recipe() -> None:
    bench = Counted()
    world = real(bench)
    first, second = best_of_table(world, 2)
    assert (first.searcher, first.seed, second.seed) == (evolve_real.TABLE, 0, 1)
    assert first.trials == len(found().table.looks) and first.led.keys() == {
        "train.py::epochs_scale"
    }
    assert first.gain >= second.gain > 0.3 and first.margin >= 0
    assert len(bench.looks) == 2 * 2 * evolve_real.FINAL_LOOKS
    assert bench.looks[::2] == [world.seed_files] * 2 * evolve_real.FINAL_LOOKS


def test_where_everything_breaks_nothing_leads() -> None:
    bench = Counted(breaks=True)
    *_, run = searched(real(bench), "evolve", 0)
    assert (run.leads, run.failed, run.gain) == (0, TRIALS, 0.0)
    assert len(bench.looks) == 3 + TRIALS  # the seed recipe is known by three


def test_a_gain_that_misses_the_gate_is_worth_nothing() -> None:
    known: dict[str, Any] = {"searcher": "evolve", "seed": 0, "trials": 1, "leads": 1, "failed": 0}
    assert RealRun(**known, gain=0.2, margin=-0.01).worth == 0.0
    assert RealRun(**known, gain=0.2, margin=0.0).worth == 0.2


def test_another_world_is_refused_and_its_runs_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Counted()
    bench.world = "another"
    with pytest.raises(UserError, match="another world"):
        real(bench)

    monkeypatch.setattr(evolve_real, "DATA", tmp_path)
    table = found().table
    run = RealRun(searcher="evolve", seed=1, trials=3, leads=1, failed=0, gain=0.1, margin=0.02)
    assert kept_runs(table) == ()
    keep(table, [run])
    assert kept_runs(table) == (run,)
    assert (
        kept_runs(
            Table(task=table.task, profile="micro", machine=table.machine, world="new", looks=())
        )
        == ()
    )


def test_figures_stand_beside_those_of_the_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolve_real, "REPLAYS", range(2))
    monkeypatch.setattr(evolve_real, "LENGTHS", (TRIALS,))
    runs = [
        RealRun(searcher=name, seed=0, trials=TRIALS, leads=1, failed=0, gain=gain, margin=0.01)
        for name, gain in (("local random search", 0.2), ("(1+1) evolution", 0.1))
    ]
    rows = list(evolve_real._rows(found(), runs))
    assert [row.value for row in rows] == [0.1, 0.2]  # in the order of the searchers
    assert all(row.baseline is not None and row.baseline >= 0 for row in rows)
