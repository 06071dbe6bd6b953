from __future__ import annotations

from functools import lru_cache
from random import Random
from statistics import fmean

import pytest
from benchmarks import evolve_measured
from benchmarks.evolve_measured import Measured, Replays, Study, attainable, replayed
from benchmarks.evolve_proposals import hill_climbing, local_random, random_search, tpe
from benchmarks.evolve_surrogate import tables

from autores.plugins.agents.evolve.genome import Allele, Edit, apply
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.laboratory import Searcher, run

EPOCHS = Edit(gene="train.py::epochs_scale", old="1.0", new="0.5")


@lru_cache(maxsize=1)
def world() -> Measured:
    return Measured(tables()[0])


def test_the_seed_recipe_gains_nothing_and_passes() -> None:
    truth = world().truth(world().seed_files)
    assert truth.height == 0.0 and truth.margin > 0 and not truth.breaks


def test_half_the_epochs_are_faster_and_fail_the_gate() -> None:
    files = apply(world().seed_files, [EPOCHS], world().moves)
    assert files is not None
    truth = world().truth(files)
    assert truth.height > 0.1 and truth.margin < 0


def test_noise_is_that_of_real_looks() -> None:
    random = Random(0)
    seen = [world().measure(world().seed_files, random) for _ in range(300)]
    assert fmean(margin for _, _, margin in seen) == pytest.approx(
        world().truth(world().seed_files).margin, abs=0.001
    )
    assert 0.01 < world().noise < 0.3 and 0.0005 < world().margin_sd < 0.02


@pytest.mark.parametrize("searcher", [local_random, hill_climbing, random_search, tpe])
def test_searchers_are_repeatable_and_make_trees_of_their_own(searcher: Searcher) -> None:
    if searcher is tpe:
        pytest.importorskip("optuna")
    first, second = (run(world(), searcher, trials=12, seed=3) for _ in range(2))
    assert first.gains == second.gains and len(first.seen) == 13
    genomes = [tuple(sorted((g, a.now) for g, a in o.genome.items())) for o in first.seen]
    assert len(set(genomes)) == 13
    assert first.heads[-1] in {o.id for o in first.seen if o.leading}


def miss(score: float, *edits: Edit) -> Observation:
    return Observation(id=1, parent=0, genome={}, edits=edits, fate=Fate.MISSED, score=score)


def test_a_near_miss_is_repaired_by_a_trial_that_goes_its_way_and_passes() -> None:
    root = Observation(id=0, genome={}, score=4.0)
    near, far = miss(3.0, EPOCHS), miss(3.99, EPOCHS)
    genome = {EPOCHS.gene: Allele(origin="1.0", now="0.8")}
    other = {EPOCHS.gene: Allele(origin="1.0", now="1.2")}
    mended, back, worse = (
        Observation(id=2, parent=0, genome=g, score=s, fate=Fate.MEASURED)
        for g, s in ((genome, 3.4), (other, 3.4), (genome, 4.4))
    )
    assert evolve_measured._repairs([root, near, mended], 0.02) == (1, 1)
    assert evolve_measured._repairs([root, near, back], 0.02) == (1, 0)
    assert evolve_measured._repairs([root, near, worse], 0.02) == (1, 0)
    assert evolve_measured._repairs([root, far, mended], 0.02) == (0, 0)


def test_figures_tell_shares_and_differences() -> None:
    def found(name: str, gain: float) -> Replays:
        gains = {n: [gain, gain + 0.1] for n in (evolve_measured.SHORT, evolve_measured.TRIALS)}
        return Replays(name=name, gains=gains, failed=3.0, misses=4, repaired=1)

    study = Study(best=1.0, ours=found("evolve", 0.4), baselines=(found("b", 0.1),), parts=())
    rows = {row.name: row.value for row in study.rows()}
    assert rows["share of the attainable gain after 100 trials, evolve"] == pytest.approx(45)
    assert rows["near misses repaired within 20 trials, evolve"] == 25
    assert next(study.notes()).startswith("evolve less b after 100 trials: +30.0 to +30.0 %")


@pytest.mark.slow
def test_no_short_search_finds_more_than_is_attainable() -> None:
    best = attainable(world())
    ours = replayed(world(), "local", local_random, range(1))
    assert 0 < best and max(ours.gains[evolve_measured.TRIALS]) < best
