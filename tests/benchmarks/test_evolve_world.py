from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from random import Random
from statistics import fmean
from typing import Any

import pytest
from benchmarks.evolve_proposals import hill_climbing, local_random, random_search, tpe
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import Look, Table
from benchmarks.evolve_world import Measured, bred
from benchmarks.report import Machine

from autores.plugins.agents.evolve.genome import Edit, apply
from autores.plugins.agents.evolve.history import Fate
from autores.plugins.agents.evolve.laboratory import Searcher, Try, run
from autores.records import Direction

EPOCHS = Edit(gene="train.py::epochs_scale", old="1.0", new="0.5")


def table(task: str, looks: list[Look]) -> Surrogate:
    return Surrogate(
        Table(task=task, profile="micro", machine=Machine.here(), world="w", looks=tuple(looks))
    )


def look(edits: tuple[Edit, ...], score: float | None, **fields: Any) -> Look:
    known: dict[str, Any] = {"counts": {}, "metrics": {}, "cpu": {}}
    cause = "exited" if score is None else "valid"
    return Look(edits=edits, **({"cause": cause, "score": score} | known | fields))


@lru_cache(maxsize=1)
def made_up() -> Surrogate:
    """Fewer epochs are faster and less right; a high rate breaks."""
    random, looks = Random(0), []
    for number in range(90):
        far = 0.0 if number % 9 == 0 else random.uniform(-1.6, 1.6)
        noise = random.gauss(0, 0.02)
        edits = () if not far else (Edit(gene=EPOCHS.gene, old="1.0", new=f"{2**far:.4g}"),)
        rate = 0.97 + 0.02 * far + random.gauss(0, 0.004)
        seconds = {"train_seconds": 3 * 2**far * (1 + noise), "inference_seconds": 0.4}
        counts = {"right": int(1_000 * min(1, rate)), "asked": 1_000}
        starts = {"train_prepare_seconds": 1.5, "inference_prepare_seconds": 1.6}
        metrics = seconds | starts
        looks.append(look(edits, sum(seconds.values()), counts=counts, metrics=metrics))
    high = Edit(gene="train.py::lr", old="9.0", new="72.0")
    return table("airbench", [*looks, *(look((high,), None) for _ in range(8))])


@lru_cache(maxsize=1)
def world() -> Measured:
    return Measured(made_up())


def test_a_limit_on_bytes_is_a_near_miss_and_scores_that_rise_are_turned() -> None:
    wide = Edit(gene="train_gpt.py::width_scale", old="1.0", new="1.5")
    random = Random(0)
    looks = [look((), 3.0 + random.gauss(0, 0.01), bytes=50_000 + i) for i in range(12)]
    near = {"unranked_bits_per_byte": 2.8}
    looks += [
        look((wide,), None, cause="artifact_bytes", bytes=53_000 + i, metrics=near)
        for i in range(12)
    ]
    golf = Measured(table("parameter_golf", looks))
    files = apply(golf.seed_files, [wide], golf.moves)
    assert golf.limited and not golf.gated and files is not None
    truth = golf.truth(files)
    assert truth.height > 0.03 and -math.log(1.05) < truth.margin < 0 and not truth.breaks
    course = run(golf, lambda state: Try(files=files, edits=(wide,)), trials=1, seed=0)
    missed = course.seen[1]
    assert (missed.fate, missed.over) == (Fate.MISSED, "bytes")
    assert missed.score is not None and missed.resources["bytes"] > 1

    slower = Edit(gene="optim.py::matrix_lr", old="0.02", new="0.01")
    looks = [look((), 0.2 + random.gauss(0, 0.01)) for _ in range(12)]
    chat = Measured(table("nanochat", [*looks, *(look((slower,), 0.1) for _ in range(12))]))
    files = apply(chat.seed_files, [slower], chat.moves)
    assert files is not None and chat.truth(files).height < -0.05
    assert chat.truth(files).margin == 1.0
    assert chat.task.metric.direction is Direction.MINIMIZE  # 1 less CORE


def test_a_tree_that_takes_longer_leaves_less_time_for_more_work() -> None:
    longer = Edit(gene="schedule.py::ratio", old="12.0", new="24.0")
    looks = [look((), 0.2, wall=8.0 + 0.01 * i) for i in range(12)]
    looks += [look((longer,), 0.3, wall=16.0 + 0.01 * i) for i in range(12)]
    chat = Measured(table("nanochat", looks))
    files = apply(chat.seed_files, [longer], chat.moves)
    assert files is not None
    at_seed, after = chat.headroom_of(chat.seed_files), chat.headroom_of(files)
    assert at_seed is not None and after is not None and 0.6 < at_seed - after < 1.2
    slow = Measured(table("nanochat", [replace(one, wall=100.0) for one in looks]))
    assert slow.headroom_of(slow.seed_files) is None


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


@pytest.mark.slow
def test_a_long_search_without_noise_finds_what_is_faster_and_passes() -> None:
    ages = list(islice(bred(world(), Random(0)), 40))
    gains = [best[0][0] for best in ages]
    assert gains == sorted(gains) and 0 < gains[-1]
    _, margins, broken = world().of([point for _, point in ages[-1]])
    assert min(margins) >= 0 and not any(broken)
