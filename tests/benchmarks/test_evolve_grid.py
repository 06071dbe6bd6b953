from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import cast

import pytest
from benchmarks import evolve_grid
from benchmarks.evolve_grid import ALONE, GRIDS, LOOKS, Counted, Factorial, Steps, grids, measure
from benchmarks.evolve_measured import agreement_rows
from benchmarks.evolve_replays import BASELINES, OURS, searcher_named
from benchmarks.evolve_table import Bench, Look, Table, recipe_of
from benchmarks.report import Machine

from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import Edit, apply, edited, genome_of
from autores.plugins.agents.evolve.laboratory import run
from autores.plugins.agents.evolve.scales import Kind

EPOCHS, DEPTH = "train.py::epochs_scale", "train.py::depth"
POINTS = tuple(GRIDS["airbench"].points)


def look(edits: Sequence[Edit], random: Random) -> Look:
    """Fewer epochs and layers are faster and less right; four layers are too large."""
    new = {edit.gene: edit.new for edit in edits}
    scale, depth = float(new.get(EPOCHS, "1.0")), int(new.get(DEPTH, "3"))
    rate = 0.955 + 0.03 * math.log2(scale) + 0.08 * (depth - 3) + random.gauss(0, 0.004)
    rate += 0.08 * ("move:normalised_filters" in new)
    train = 0.8 * depth * scale * math.exp(random.gauss(0, 0.03))
    fits = depth < 4
    return Look(
        edits=tuple(edits),
        cause="valid" if fits else "artifact_bytes",
        score=train + 0.4 if fits else None,
        counts={"right": int(1_000 * rate), "asked": 1_000} if fits else {},
        metrics={
            "train_seconds": train, "inference_seconds": 0.4,
            "train_prepare_seconds": 1.5, "inference_prepare_seconds": 1.6,
        } if fits else {},
        wall=train + 3,
        cpu={},
    )  # fmt: skip


class MadeUp:
    """A bench that measures nothing."""

    def __init__(self, folder: Path) -> None:
        self.task, self.moves, self.files = recipe_of("airbench", "micro")
        self.world, self.folder, self.random = "w", folder, Random(0)

    def look(self, edits: Sequence[Edit]) -> Look:
        return look(edits, self.random)


@lru_cache(maxsize=1)
def table() -> Table:
    random = Random(1)
    looks = [look(edits, random) for edits in POINTS for _ in range(LOOKS)]
    at_seed = [look((), random) for _ in range(80)]
    return Table(
        task="airbench", profile="micro", machine=Machine.here(), world="w",
        looks=(*at_seed, *looks), each=LOOKS,
    )  # fmt: skip


@lru_cache
def world(*, generalist: bool = False) -> Counted:
    return Counted(Factorial(table()), generalist=generalist)


@pytest.mark.parametrize("task", GRIDS)
def test_every_recipe_of_a_grid_can_be_made_and_is_one_of_its_own(task: str) -> None:
    _, moves, files = recipe_of(task, "micro")
    points = tuple(GRIDS[task].points)
    made = [apply(files, edits, moves) for edits in points]
    assert all(made) and len({tuple(one.values()) for one in made if one}) == len(points)
    for edits, one in list(zip(points, made, strict=True))[::37]:
        genome = genome_of(files, one or {}, moves)
        assert {gene: allele.now for gene, allele in genome.items()} == {
            edit.gene: edit.new for edit in edits
        }


def test_every_recipe_is_looked_at_until_its_rate_is_hopeless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evolve_grid, "DATA", tmp_path)
    levels = {EPOCHS: ("1.0", "0.707", "1.41"), DEPTH: ("3", "2", "4")}
    monkeypatch.setattr(
        evolve_grid, "GRIDS", {"airbench": replace(GRIDS["airbench"], levels=levels)}
    )
    file = evolve_grid.grid_file("airbench", "micro")
    assert not list(grids())
    for _ in range(2):  # the second finds nothing left to do
        measure(cast(Bench, MadeUp(tmp_path / "world")), file)
    looks = [one for one in Table.read(file).looks if one.edits]
    many = {edits: sum(one.edits == edits for one in looks) for edits in {x.edits for x in looks}}
    assert len(many) == 8 and Table.read(file).looks[0].edits == ()
    for edits, times in many.items():
        new = {edit.gene: edit.new for edit in edits}
        ended = DEPTH in new  # too large, or too often wrong
        assert times == (1 if ended else LOOKS), edits
    whole = Table.read(file)
    assert [found.table.looks for found in grids()] == [whole.looks]
    at_seed = tuple(one for one in whole.looks if not one.edits)
    replace(whole, looks=(*at_seed, *looks[1:])).write(file)
    assert not list(grids())


def test_a_coordinate_means_the_nearest_level() -> None:
    scale = Steps(kind=Kind.LOG, origin=1.0, levels=(1.0, 0.707, 1.41))
    assert [scale.value(x) for x in (-3.0, -0.3, -0.2, 0.1, 0.4)] == [0.707, 0.707, 1.0, 1.0, 1.41]
    assert (scale.beside(1.0, True), scale.beside(1.0, False)) == (1.41, 0.707)
    assert (scale.beside(1.41, True), scale.beside(0.707, True)) == (1.41, 1.0)


def test_a_recipe_is_worth_the_mean_of_its_looks() -> None:
    half = next(edits for edits in POINTS if [edit.gene for edit in edits] == [EPOCHS])
    looks = [one for one in table().looks if one.edits == half]
    files = apply(world().seed_files, half, world().moves)
    assert len(looks) == 2 and files is not None
    truth = world().truth(files)
    score = sum(math.log(one.score or 1) for one in looks) / 2
    assert truth.height == pytest.approx(world().level - score, abs=0.05)
    rate = sum(one.counts["right"] for one in looks) / 2_000
    seed = world().truth(world().seed_files)
    assert seed.height == 0 and truth.margin - seed.margin == pytest.approx(rate - 0.955, abs=0.004)
    assert world().taken(files) == pytest.approx(sum(one.wall for one in looks) / 2)
    deep = next(edits for edits in POINTS if edits[-1] == Edit(gene=DEPTH, old="3", new="4"))
    too_large = apply(world().seed_files, deep, world().moves)
    assert too_large is not None and world().truth(too_large).breaks
    assert 0.3 < world().best() < 1 and world().many == 576


def test_a_specialist_who_owns_nothing_of_a_grid_takes_no_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [one.key for one in world().specialists()] == ["arch", "optim", "augment", "loss", "reg"]
    levels = {EPOCHS: ("1.0", "0.707"), "train.py::label_smoothing": ("0.2", "0.35")}
    monkeypatch.setattr(
        evolve_grid, "GRIDS", {"airbench": replace(GRIDS["airbench"], levels=levels)}
    )
    small = Counted(Factorial(table()))
    assert [one.key for one in small.specialists()] == ["optim", "loss"]


def test_the_two_looks_at_a_recipe_agree_but_for_noise() -> None:
    found = Factorial(table())
    alike, recipes = found.agreement(found.reading.score, timed=True)
    assert 0.9 < alike < 1 and recipes == 383  # two thirds of them fit
    figures = {row.name.partition(": ")[2]: row.value for row in agreement_rows(found)}
    assert figures.keys() == {
        "score, Spearman of first and second looks at a recipe",
        "accuracy, Spearman of first and second looks at a recipe",
    }


@pytest.mark.parametrize("name", [OURS, *BASELINES])
def test_searchers_stay_in_the_grid(name: str) -> None:
    if "TPE" in name:
        pytest.importorskip("optuna")
    where = world(generalist=name in ALONE)
    course = run(where, searcher_named(name), trials=16, seed=1)
    assert len(course.seen) > 14  # numbers alone make few recipes
    known = {frozenset(point_of(one.genome).items()) for one in course.seen}
    assert len(known) == len(course.seen)
    grid = {frozenset(point_of(edited({}, edits)).items()) for edits in ((), *POINTS)}
    assert known <= grid and world().gain(course, 16) >= 0
