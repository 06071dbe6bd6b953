from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from benchmarks.evolve_surrogate import Ridge, Seen, area, explained, spearman, tables
from benchmarks.evolve_table import EACH, Look, Table, design, recipe_of
from benchmarks.report import Machine

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
    points = list(islice(design(bench), 180))
    alone = {edits[0].gene for edits in points if len(edits) == 1}
    assert {f"move:{name}" for name in bench.moves} < alone and "train.py::lr" in alone
    assert sum(not edits for edits in points) >= 180 // (2 * EACH)
    together = [edits for edits in points if len(edits) > 1]
    assert len(together) > 60 and max(map(len, together)) <= 9
    assert all(len({e.gene for e in edits}) == len(edits) for edits in together)
    made = [apply(bench.files, edits, bench.moves) for edits in together[:8]]
    assert sum(files is not None for files in made) > 2


def test_a_design_is_the_same_each_time(bench: Any) -> None:
    pytest.importorskip("torch")
    first, second = (list(islice(design(bench), 40)) for _ in range(2))
    assert first == second


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


def test_kept_tables_hold_real_trials_of_recipes_as_they_are_now(bench: Any) -> None:
    for table in tables():
        assert len(table.looks) > 100 and {look.cause for look in table.looks} >= {"valid"}
        made = [apply(bench.files, look.edits, bench.moves) for look in table.looks[::8]]
        assert None not in made
