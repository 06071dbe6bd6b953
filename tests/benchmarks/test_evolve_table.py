from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from benchmarks.evolve_fits import (
    FURTHEST,
    Blend,
    Chosen,
    Ridge,
    Seen,
    Sparse,
    area,
    explained,
    spearman,
)
from benchmarks.evolve_readings import READINGS, logit, threshold
from benchmarks.evolve_surrogate import SOBOL, Surrogate, point_of_look, surrogates
from benchmarks.evolve_table import (
    DATA,
    EACH,
    MOST_GENES,
    Bench,
    Look,
    Table,
    design,
    measure,
    measure_again,
    recipe_of,
)
from benchmarks.report import Machine

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import Edit, apply


@pytest.fixture(scope="module")
def bench() -> Any:
    task, moves, files = recipe_of("airbench", "micro")
    return SimpleNamespace(task=task, moves=moves, files=files)


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    edit = Edit(gene="train.py::lr", old="9.0", new="4.5")
    looks = (
        Look(edits=(), cause="valid", score=3.5, counts={"right": 9}, metrics={"x": 0.5}, cpu={}),
        Look(edits=(edit,), cause="exited", counts={}, metrics={}, cpu={"train": 1.0}, detail="d"),
    )
    table = Table(task="airbench", profile="micro", machine=Machine.here(), world="w", looks=looks)
    table.write(tmp_path / "t.json")
    assert Table.read(tmp_path / "t.json") == table


def test_a_design_has_every_move_and_knob_alone_and_returns_to_the_seed_recipe(bench: Any) -> None:
    pytest.importorskip("torch")
    points = list(islice(design(bench), 190))
    alone = {edits[0].gene for edits in points if len(edits) == 1}
    assert {f"move:{name}" for name in bench.moves} < alone and "train.py::lr" in alone
    assert sum(not edits for edits in points) >= 190 // (2 * EACH)
    together = [edits for edits in points if len(edits) > 1]
    assert len(together) > 60 and max(map(len, together)) <= MOST_GENES
    assert all(len({e.gene for e in edits}) == len(edits) for edits in together)
    made = [apply(bench.files, edits, bench.moves) for edits in together[:8]]
    assert sum(files is not None for files in made) > 2


def test_a_design_is_the_same_each_time(bench: Any) -> None:
    pytest.importorskip("torch")
    first, second = (list(islice(design(bench), 40)) for _ in range(2))
    assert first == second


def test_genes_that_moved_the_score_alone_come_more_often_in_the_end(bench: Any) -> None:
    pytest.importorskip("torch")
    strong = Edit(gene="train.py::lr", old="9.0", new="4.5")
    weak = Edit(gene="train.py::momentum", old="0.85", new="0.7")
    looks = [_look(score=3.0), _look(score=3.01), _look(strong, score=4.0), _look(weak, score=3.0)]
    points = list(islice(design(bench, looks=looks), 190, 500))
    often = Counter(edit.gene for edits in points for edit in edits)
    assert often[strong.gene] > 2 * often[weak.gene] > 0


def test_a_design_may_always_turn_one_knob_up(bench: Any) -> None:
    pytest.importorskip("torch")
    points = [edits for edits in islice(design(bench, always="train.py::lr"), 60) if edits]
    turned = [point_of_look(_look(*edits))["train.py::lr"] for edits in points]
    assert min(turned) > 0 and FURTHEST / 2 < max(turned) <= FURTHEST
    assert {len(edits) for edits in points} > {2, 3, 5}
    with pytest.raises(UserError, match="no knob nothing"):
        list(islice(design(bench, always="nothing"), 1))


def test_a_table_ends_with_trials_that_always_turn_a_knob_up(bench: Any, tmp_path: Path) -> None:
    pytest.importorskip("torch")

    def look(edits: Sequence[Edit]) -> Look:
        return _look(*edits, score=3.0)

    here = SimpleNamespace(**vars(bench), world="w", folder=tmp_path / "world", look=look)
    file, before = tmp_path / "t.json", [{}, {"always": "train.py::lr"}]
    for options in before:
        measure(cast("Bench", here), 0.005, file, **options)
    table = Table.read(file)
    near = len(table.looks) - table.turned
    assert near > 0 and all("train.py::lr" in _genes(x) for x in table.looks[near:] if x.edits)
    assert 0 < table.turned and not all("train.py::lr" in _genes(x) for x in table.looks[:near])
    with pytest.raises(UserError, match="go on with --always"):
        measure(cast("Bench", here), 0.005, file)
    with pytest.raises(UserError, match="ends with these"):
        measure_again(cast("Bench", here), file, table, 3)


def _genes(look: Look) -> set[str]:
    return {edit.gene for edit in look.edits}


def test_a_table_knows_how_its_trials_were_chosen() -> None:
    looks = tuple(_look(score=3.0) for _ in range(5))
    table = Table(
        task="airbench", profile="micro", machine=Machine.here(), world="w", looks=looks, turned=2
    )
    with_far = replace(table, far=1)
    assert with_far.chosen == (*(Chosen.NEAR,) * 2, *(Chosen.TURNED,) * 2, Chosen.FAR)
    assert table.chosen == (*(Chosen.NEAR,) * 3, *(Chosen.TURNED,) * 2)


def test_points_are_looked_at_in_rounds_and_what_broke_once(bench: Any, tmp_path: Path) -> None:
    good, bad = (Edit(gene="train.py::lr", old="9.0", new=new) for new in ("4.5", "90.0"))

    def look(edits: tuple[Edit, ...]) -> Look:
        return _look(
            *edits, score=None if bad in edits else 3.0, cause="exited" if bad in edits else "valid"
        )

    points = ((good,), (bad,), (good, bad), (Edit(gene="move:relu", old="off", new="on"),))
    like = Table(
        task="airbench",
        profile="micro",
        machine=Machine.here(),
        world="before",
        looks=tuple(map(look, points)),
    )
    file = tmp_path / "t.json"
    like.write(file)
    here = SimpleNamespace(task=bench.task, world="w", folder=tmp_path / "world", look=look)
    measure_again(cast("Bench", here), file, like, 3)
    table = Table.read(file)
    assert (table.world, table.each) == ("w", 3)
    assert Counter(one.edits for one in table.looks) == {
        (): 1,
        points[0]: 3,
        points[1]: 1,
        points[2]: 1,
        points[3]: 3,
    }
    assert {one.edits for one in table.looks[1:5]} == set(points)
    measure_again(cast("Bench", here), file, like, 4)
    assert Counter(one.edits for one in Table.read(file).looks)[points[0]] == 4


def test_the_mean_of_looks_at_a_point_counts_and_noise_is_that_of_one_look() -> None:
    edit = Edit(gene="train.py::lr", old="9.0", new="4.5")
    looks = [_look(score=0.2), _look(score=0.3), _look(edit, score=0.4), _look(edit, score=0.5)]
    table = Table(
        task="nanochat",
        profile="micro",
        machine=Machine.here(),
        world="w",
        looks=(*looks, _look(edit, cause="exited")),
        each=2,
    )
    found = Surrogate(table)
    lone, mean = np.log(0.6), (np.log(0.6) + np.log(0.5)) / 2
    assert found.score.values == pytest.approx((np.log(0.8), np.log(0.7), mean))
    assert found.score.points[2].keys() == {edit.gene} and found.score.looks == (1, 1, 2)
    assert Surrogate(replace(table, each=1)).score.values[2:] == pytest.approx((lone, np.log(0.5)))


def _look(*edits: Edit, **fields: Any) -> Look:
    known: dict[str, Any] = {"cause": "valid", "counts": {}, "metrics": {}, "cpu": {}}
    return Look(edits=edits, **(known | fields))


@pytest.mark.parametrize("kind", [Ridge, Sparse, Blend])
def test_a_fit_is_level_at_the_seed_recipe_and_finds_what_matters(kind: Any) -> None:
    points = [{}, {}, *({"a": x / 4, "b": -x / 4} for x in range(-8, 9)), {"c": 1.0}]
    values = [5.0 + p.get("a", 0.0) for p in points]
    seed, there = kind(points, values).predict([{}, {"a": 1.0, "b": -1.0}])
    assert seed == pytest.approx(5.0, abs=0.1) and there == pytest.approx(6.0, abs=0.2)


@pytest.mark.parametrize("kind", [Ridge, Sparse, Blend])
def test_what_more_looks_tell_counts_for_more(kind: Any) -> None:
    points = [{}, *[{"a": 1.0}] * 20, *[{"a": 1.0}] * 20]
    values = [0.0, *[1.0] * 20, *[2.0] * 20]
    (alike,), (first,) = (
        kind(points, values, looks).predict([{"a": 1.0}])
        for looks in ((), [1, *[9] * 20, *[1] * 20])
    )
    assert alike == pytest.approx(1.5, abs=0.1) and first == pytest.approx(1.1, abs=0.1)


def test_a_sparse_fit_blames_few() -> None:
    random = np.random.default_rng(0)
    names = "abcdefghijklmnop"
    points = [
        {name: float(x) for name, x in zip(names, random.normal(size=16), strict=True)}
        for _ in range(60)
    ]
    values = [p["a"] + 0.01 * random.normal() for p in points]
    (only, rest) = Sparse(points, values).predict([{"a": 1.0}, dict.fromkeys(names[1:], 1.0)])
    assert only == pytest.approx(1.0, abs=0.1) and rest == pytest.approx(0.0, abs=0.15)


def test_components_are_read_from_looks() -> None:
    seconds = {"train_seconds": 2.0, "inference_seconds": 0.5}
    air = READINGS["airbench"](1_000)
    look = _look(score=2.5, metrics=seconds, counts={"right": 96, "asked": 100})
    whole = air.whole([np.array([read(look)]) for read in air.parts.values()])
    assert whole[0] == pytest.approx(np.log(2.5)) == pytest.approx(air.score(look))
    assert air.barrier is not None and air.barrier.read(look) == pytest.approx(logit(0.96))
    golf = READINGS["parameter_golf"](1_000)
    near = _look(cause="artifact_bytes", metrics={"unranked_bits_per_byte": 2.0}, bytes=1_040)
    assert golf.score(near) == pytest.approx(np.log(2)) and not golf.breaks(near)
    assert golf.barrier is not None and golf.barrier.read(near) == pytest.approx(-np.log(1.04))
    assert golf.breaks(_look(cause="exited"))
    chat = READINGS["nanochat"](1_000)
    assert chat.score(_look(score=0.2)) == pytest.approx(np.log(0.8))


def test_a_gate_is_what_calibration_would_set() -> None:
    seeds = tuple(_look(score=3.0, counts={"right": r, "asked": 1_000}) for r in (960, 980))
    table = Table(task="airbench", profile="micro", machine=Machine.here(), world="w", looks=seeds)
    assert threshold(table) == pytest.approx(0.97 - 1.6 * (0.97 * 0.03 / 1_000) ** 0.5)


def test_the_surrogate_learns_genes_and_says_how_well_on_trials_held_out() -> None:
    random = np.random.default_rng(0)
    points = [
        {name: float(x) for name, x in zip("abcdef", random.normal(size=6), strict=True)}
        for _ in range(150)
    ]
    values = [p["a"] - 2 * max(0.0, p["b"]) + 0.3 * p["c"] * p["d"] for p in points]
    seen = Seen(points=tuple(points), values=tuple(values))
    assert explained(np.array(values), seen.held_out()) > 0.8
    (near, far) = Ridge(points, values).predict([{"a": 1.0}, {"a": 1.0, "b": 2.0}])
    assert near > 0.3 and near - far > 1.0
    noise = Seen(points=tuple(points), values=tuple(random.normal(size=150)))
    assert explained(np.array(noise.values), noise.held_out()) < 0.2


def test_ranks_and_areas() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert spearman(a, a**3) == pytest.approx(1.0)
    assert spearman(a, -a) == pytest.approx(-1.0)
    assert area([False, False, True, True], a) == 1.0
    assert area([True, False, True, False], np.ones(4)) == 0.5


@pytest.mark.parametrize("file", sorted(DATA.glob("*.json")), ids=lambda file: file.stem)
def test_kept_tables_hold_real_trials_of_recipes_as_they_are_now(file: Path) -> None:
    table = Table.read(file)
    _, moves, files = recipe_of(table.task, table.profile)
    assert len(table.looks) > 60 and {look.cause for look in table.looks} >= {"valid"}
    assert None not in [apply(files, look.edits, moves) for look in table.looks[::8]]


def test_each_kept_table_has_a_surrogate() -> None:
    assert [one.table.task for one in surrogates()] == [
        Table.read(file).task for file in sorted(DATA.glob("*.json"))
    ]


@pytest.mark.parametrize(("noise", "low", "high"), [(0.01, 0.99, 1.0), (1.0, 0.6, 0.9)])
def test_halves_of_looks_say_what_noise_leaves(noise: float, low: float, high: float) -> None:
    random = np.random.default_rng(0)
    looks = []
    for truth in random.normal(size=400):
        pair = [Edit(gene=f"m.py::{name}", old="1", new=f"{truth:.6f}") for name in "ab"]
        seen = 0.2 + 0.01 * (truth + noise * random.normal(size=4))
        looks += [_look(*pair, score=score) for score in seen]
    table = Table(
        task="nanochat",
        profile="micro",
        machine=Machine.here(),
        world="w",
        looks=tuple(looks),
        each=4,
    )
    told = Surrogate(table).reliability
    assert told is not None and low < told <= high
    assert Surrogate(replace(table, each=1)).reliability is None


def test_a_surrogate_that_guesses_well_is_good_enough() -> None:
    random = np.random.default_rng(0)
    looks = [_look(score=3.0 + 0.001 * i, **_parts(3.0 + 0.001 * i)) for i in range(4)]
    for x in random.uniform(-1.5, 1.5, 80):
        edits = (
            Edit(gene="train.py::epochs_scale", old="1.0", new=f"{2**x:.4f}"),
            Edit(gene="move:relu", old="off", new="on"),
        )
        looks.append(_look(*edits, score=3.0 * 2**x, **_parts(3.0 * 2**x, 940 + int(20 * x))))
    table = Table(
        task="airbench", profile="micro", machine=Machine.here(), world="w", looks=tuple(looks)
    )
    found = Surrogate(table)
    assert found.rank_correlation(*SOBOL) > 0.98 and found.valid
    assert found.gate_area(*SOBOL) is not None and found.gate_area(Chosen.FAR) is None


def _parts(seconds: float, right: int = 945) -> dict[str, Any]:
    return {
        "metrics": {
            "train_seconds": 0.8 * seconds,
            "inference_seconds": 0.2 * seconds,
            "train_prepare_seconds": 1.5,
            "inference_prepare_seconds": 1.6,
        },
        "counts": {"right": right, "asked": 1_000},
    }
