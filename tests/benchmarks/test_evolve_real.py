from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from benchmarks import evolve_real
from benchmarks.evolve_real import Real, RealRun, best_of_table, keep, kept_runs, searched
from benchmarks.evolve_replays import Replay
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import Bench, Look, Table
from benchmarks.evolve_world import Measured
from benchmarks.report import Machine

from autores.plugins.agents.evolve.genome import Edit, Files, apply
from autores.plugins.agents.evolve.laboratory import Try

TRIALS = 12
LENGTHS = (1, TRIALS)
HERE: dict[str, Any] = {"world": "w", "processor": "p"}
HALF = Edit(gene="train.py::epochs_scale", old="1.0", new="0.5")


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

    def __init__(self, *, breaks: bool = False, slower: float = 1.0) -> None:
        self.truths = Measured(found())
        self.breaks, self.slower = breaks, slower
        self.harder = 0.0
        self.looks: list[Files] = []

    def look_at(self, files: Files) -> Look:
        self.looks.append(files)
        truth = self.truths.truth(files)
        if self.breaks and files != self.truths.seed_files:
            return Look(edits=(), cause="exited", counts={}, metrics={}, cpu={})
        pace = self.slower ** len(self.looks)
        return look((), pace * 3.0 * math.exp(-truth.height), 0.968 + truth.margin - self.harder)


def halved(bench: Counted) -> Files:
    files = apply(bench.truths.seed_files, [HALF], bench.truths.moves)
    assert files is not None
    return files


def real(bench: Counted) -> Real:
    return Real(found(), cast("Bench", bench))


def test_a_search_is_measured_by_real_looks_and_what_led_by_fresh_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Counted()
    files = halved(bench)
    tries = iter([Try(files=files, edits=(HALF,))])
    halving = lambda state: next(tries, None)
    monkeypatch.setattr(evolve_real, "searcher_named", {"halving": halving}.__getitem__)
    short, run = searched(real(bench), "halving", 2, lengths=LENGTHS)
    assert (short.trials, short.led, short.gain) == (1, {HALF.gene: HALF.new}, run.gain)
    assert (run.searcher, run.seed, run.trials, run.leads) == ("halving", 2, TRIALS, 1)
    assert run.gain > 0.1 and run.worth == run.gain
    assert bench.looks[:2] == [bench.truths.seed_files] * 2
    last = bench.looks[-2 * evolve_real.FINAL_LOOKS :]
    assert last[::2] == [files] * evolve_real.FINAL_LOOKS
    assert bench.truths.truth(files).height == pytest.approx(run.gain, abs=1e-3)


def test_a_machine_that_gets_slower_makes_no_trial_look_worse() -> None:
    bench = Counted(slower=1.05)
    world = real(bench)
    files = halved(bench)
    gain, _ = world.final(files)
    assert gain == pytest.approx(bench.truths.truth(files).height, abs=1e-6)


def test_where_the_surrogate_answers_only_what_led_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Counted()
    tries = iter([Try(files=halved(bench), edits=(HALF,))])
    halving = lambda state: next(tries, None)
    monkeypatch.setattr(evolve_real, "searcher_named", {"halving": halving}.__getitem__)
    *_, run = searched(real(bench), "halving", 2, bench.truths, LENGTHS)
    assert run.said is not None and run.said > 0.1 and run.leads
    assert run.said == pytest.approx(run.gain, abs=1e-3)
    assert len(bench.looks) == 1 + 2 * evolve_real.FINAL_LOOKS


def test_the_best_of_a_table_are_measured_anew_in_turn_with_the_seed_recipe() -> None:
    bench = Counted()
    world = real(bench)
    first, second = best_of_table(world, 2)
    assert (first.searcher, first.seed, second.seed) == (evolve_real.TABLE, 0, 1)
    assert first.trials == len(found().table.looks) and first.led.keys() == {
        "train.py::epochs_scale"
    }
    assert first.gain >= second.gain > 0.3 and first.margin >= 0
    each = 1 + 2 * evolve_real.FINAL_LOOKS
    assert len(bench.looks) == 2 * each
    for looks in (bench.looks[:each], bench.looks[each:]):
        assert looks[::2] == [world.seed_files] * (1 + evolve_real.FINAL_LOOKS)


def test_where_everything_breaks_nothing_leads() -> None:
    bench = Counted(breaks=True)
    *_, run = searched(real(bench), "evolve", 0, lengths=LENGTHS)
    assert (run.leads, run.failed, run.gain) == (0, TRIALS, 0.0)
    at_seed = [files == bench.truths.seed_files for files in bench.looks]
    assert at_seed.count(False) == TRIALS
    together = "".join("s" if seed else "t" for seed in at_seed)
    assert "t" * (evolve_real.PACE + 1) not in together


def test_a_gain_that_misses_the_gate_is_worth_nothing() -> None:
    known: dict[str, Any] = {
        "searcher": "evolve",
        "seed": 0,
        "trials": 1,
        "leads": 1,
        "failed": 0,
        **HERE,
    }
    assert RealRun(**known, gain=0.2, margin=-0.01).worth == 0.0
    assert RealRun(**known, gain=0.2, margin=0.0).worth == 0.2


def test_a_fresh_world_sets_its_own_gate() -> None:
    table, fresh = real(Counted()), Counted()
    fresh.world, fresh.harder = "another", 0.1
    world = real(fresh)
    assert fresh.looks == [fresh.truths.seed_files] * evolve_real.CALIBRATION
    files = halved(fresh)
    here, there = world.shown(fresh.look_at(files)), table.shown(table.bench.look_at(files))
    assert here[2] == pytest.approx(there[2], abs=0.02)


@pytest.mark.parametrize("place", ["w", "another"])
def test_where_no_score_hangs_on_the_pace_the_seed_recipe_is_looked_at_beforehand_only(
    place: str,
) -> None:
    longer = Edit(gene="schedule.py::ratio", old="12.0", new="24.0")

    def chat(core: float, *edits: Edit) -> Look:
        return Look(edits=edits, cause="valid", score=core, counts={}, metrics={}, cpu={})

    seeds = [chat(0.1), chat(0.2)] * 8
    table = Table(
        task="nanochat",
        profile="micro",
        machine=Machine.here(),
        world="w",
        looks=(*seeds, *(chat(0.3, longer) for _ in range(16))),
    )
    at_seed, looks = iter(seeds), []

    class Chat:
        world = place

        def look_at(self, files: Files) -> Look:
            looks.append(files)
            return next(at_seed) if files == world_files else chat(0.3)

    surrogate = Surrogate(table)
    world_files = Measured(surrogate).seed_files
    world = Real(surrogate, cast("Bench", Chat()))
    assert len(looks) == (0 if place == "w" else evolve_real.CALIBRATION)
    looks.clear()
    files = apply(world.seed_files, [longer], world.moves)
    assert files is not None
    world.measure(files, Random(0))
    gain, margin = world.final(files)
    level = (math.log(0.9) + math.log(0.8)) / 2
    assert gain == pytest.approx(level - math.log(0.7)) and margin > 0
    assert looks == [files] * (1 + evolve_real.FINAL_LOOKS)


def test_runs_are_forgotten_where_the_table_was_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evolve_real, "DATA", tmp_path)
    table = found().table
    run = RealRun(
        searcher="evolve", seed=1, trials=3, leads=1, failed=0, gain=0.1, margin=0.02, **HERE
    )
    assert kept_runs(table) == ()
    keep(table, [run])
    assert kept_runs(table) == (run,)
    assert (
        kept_runs(
            Table(task=table.task, profile="micro", machine=table.machine, world="new", looks=())
        )
        == ()
    )


def replay(name: str, seed: int, gain: float) -> Replay:
    return Replay(
        searcher=name,
        seed=seed,
        ground="w 9",
        gains=dict.fromkeys(LENGTHS, gain),
        failed=(),
        misses=0,
        repaired=0,
    )


def test_figures_stand_beside_those_of_the_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolve_real, "LENGTHS", LENGTHS)
    said = {"evolve": 0.3, "local random search": 0.2, "(1+1) evolution": 0.1}
    known: dict[str, Any] = {"trials": TRIALS, "leads": 1, "failed": 0, "margin": 0.01, **HERE}
    replayed = [
        RealRun(searcher=name, seed=0, gain=gain - 0.05, said=gain, led={name: "1"}, **known)
        for name, gain in said.items()
    ]
    real = [
        RealRun(searcher=name, seed=seed, gain=1 - gain + 0.02 * seed * gain, **known)
        for name, gain in said.items()
        for seed in range(3)
    ]
    kept = {
        name: {seed: replay(name, seed, gain / 2 + seed - 0.5) for seed in range(2)}
        for name, gain in said.items()
    }
    monkeypatch.setattr(evolve_real, "kept_replays", lambda table: kept)

    first, *others = evolve_real._rows(found(), [*replayed, *real])
    assert (first.value, first.samples) == (pytest.approx(1.0), 3)
    led, searches = others[:4], others[4:]
    assert [row.value for row in led] == pytest.approx([0.25, 0.15, 0.05, 1.0])
    assert [row.baseline for row in led] == [*said.values(), None]
    assert [row.value for row in searches] == pytest.approx([0.706, 0.804, 0.902, -1.0])
    assert [row.baseline for row in searches] == pytest.approx([0.15, 0.1, 0.05, None])
    local, one_plus_one = evolve_real._notes(found(), [*replayed, *real])
    assert "local random search after 12 trials: -0.103 to -0.093 (95 %, paired, n = 3)" in local
    assert "(1+1) evolution" in one_plus_one
