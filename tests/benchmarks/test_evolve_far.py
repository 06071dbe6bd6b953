from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
from benchmarks import evolve_far
from benchmarks.evolve_far import edits_of, measure, points
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import Bench, Look, Table, far_file, recipe_of, whole_table
from benchmarks.evolve_world import Measured
from benchmarks.report import Machine

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import Edit

EPOCHS = "train.py::epochs_scale"


def look(edits: Sequence[Edit]) -> Look:
    """Fewer epochs are faster, and below the half less right."""
    scale = next((float(edit.new) for edit in edits if edit.gene == EPOCHS), 1.0)
    return Look(
        edits=tuple(edits),
        cause="valid",
        score=3 * scale + 0.4,
        counts={"right": 970 if scale > 0.5 else 900, "asked": 1_000},
        metrics={
            "train_seconds": 3 * scale,
            "inference_seconds": 0.4,
            "train_prepare_seconds": 1.5,
            "inference_prepare_seconds": 1.6,
        },
        cpu={},
    )


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(evolve_far, "_AGES", (2, 6))
    scales = [2 ** (step / 10 - 1.5) for step in range(30)]
    edits = [[Edit(gene=EPOCHS, old="1.0", new=f"{scale:.4g}")] for scale in scales]
    looks = tuple(map(look, ([], [], *edits)))
    return Table(task="airbench", profile="micro", machine=Machine.here(), world="w", looks=looks)


def test_points_lie_where_gains_are_expected_and_can_be_made(table: Table) -> None:
    world = Measured(Surrogate(table))
    for point in islice(points(world, Random(0)), 4):
        gain, margin, breaks = (found[0] for found in world.of([point]))
        assert gain >= 0 and margin >= 0 and not breaks
        edits = edits_of(world, point)
        assert {edit.gene for edit in edits} <= point.keys()
        turned = [float(edit.new) for edit in edits if edit.gene == EPOCHS]
        assert turned == pytest.approx([2 ** point[EPOCHS] for _ in turned], rel=0.01)


def test_what_is_added_is_kept_apart_after_each_trial(table: Table, tmp_path: Path) -> None:
    file, lengths = tmp_path / "t.json", []
    table.write(file)

    def counted(edits: Sequence[Edit]) -> Look:
        lengths.append(len(whole_table(file).looks))
        return look(edits)

    task, _, _ = recipe_of("airbench", "micro")
    bench = cast("Bench", SimpleNamespace(task=task, world="w", look=counted))
    measure(bench, file, 5)
    assert Table.read(file) == table
    whole = whole_table(file)
    added = whole.looks[len(table.looks) :]
    assert added == Table.read(far_file(file)).looks and whole.far == len(added)
    assert not added[0].edits and any(one.edits for one in added)
    assert lengths[1:] == [len(table.looks) + n for n in range(len(added))]
    best = min(one.score or math.inf for one in added)
    assert best < look(()).score  # type: ignore[operator]


def test_what_another_world_adds_is_told_in_terms_of_the_tables(
    table: Table, tmp_path: Path
) -> None:
    file = tmp_path / "t.json"
    table.write(file)

    def slower(edits: Sequence[Edit]) -> Look:
        one = look(edits)
        metrics = {name: 2 * value for name, value in one.metrics.items()} | {"new": 1.0}
        return replace(one, score=2 * (one.score or 0.0), metrics=metrics)

    task, _, _ = recipe_of("airbench", "micro")
    bench = cast("Bench", SimpleNamespace(task=task, world="x", look=slower))
    measure(bench, file, 3)
    assert Table.read(file) == table
    added = Table.read(far_file(file))
    assert (added.world, added.far) == ("x", len(added.looks)) and len(added.looks) >= 3
    whole = whole_table(file)
    assert whole.far == added.far and whole.looks[: len(table.looks)] == table.looks
    for one in whole.looks[len(table.looks) :]:
        assert one.score == pytest.approx(look(one.edits).score)
        assert one.metrics == pytest.approx({**look(one.edits).metrics, "new": 1.0})

    with pytest.raises(UserError, match="another world"):
        measure(cast("Bench", SimpleNamespace(task=task, world="y")), file, 5)
