from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from benchmarks import evolve_replays
from benchmarks.evolve_replays import (
    BASELINES,
    PARTS,
    SHORT,
    Replay,
    kept_replays,
    play,
    repairs,
    replays_file,
)
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_table import Look, Table
from benchmarks.evolve_world import Measured
from benchmarks.report import Machine

from autores.plugins.agents.evolve.genome import Allele, Edit
from autores.plugins.agents.evolve.history import Fate, Observation

EPOCHS = Edit(gene="train.py::epochs_scale", old="1.0", new="0.5")


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
    assert repairs([root, near, mended], 0.02) == (1, 1)
    assert repairs([root, near, back], 0.02) == (1, 0)
    assert repairs([root, near, worse], 0.02) == (1, 0)
    assert repairs([root, far, mended], 0.02) == (0, 0)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(evolve_replays, "DATA", tmp_path)
    return tmp_path


def table(looks: int = 24) -> Table:
    """Fewer epochs are faster; a fresh table each time."""

    def look(scale: float) -> Look:
        edits = () if scale == 1 else (Edit(gene=EPOCHS.gene, old="1.0", new=f"{scale:.4g}"),)
        train = {"train_seconds": 3 * scale, "train_prepare_seconds": 1.5}
        inference = {"inference_seconds": 0.4, "inference_prepare_seconds": 1.6}
        counts = {"right": 970, "asked": 1_000}
        return Look(
            edits=edits, cause="valid", score=3 * scale + 0.4, counts=counts,
            metrics=train | inference, cpu={},
        )  # fmt: skip

    scales = [1.0 if n % 6 == 0 else 2 ** (n / looks - 0.5) for n in range(looks)]
    seen = tuple(
        look(scale + 0.001 * n) if scale != 1 else look(1) for n, scale in enumerate(scales)
    )
    return Table(task="airbench", profile="micro", machine=Machine.here(), world="w", looks=seen)


def worlds() -> tuple[Measured, Measured]:
    found = Surrogate(table())
    return Measured(found), Measured(found, generalist=True)


def test_what_is_kept_is_not_played_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evolve_replays, "TRIALS", 8)
    monkeypatch.setattr(evolve_replays, "SHORT", 4)
    names = ["random search", "local random search"]
    play(*worlds(), [3], names[:1])
    file = replays_file(table())
    first = file.read_text()
    play(*worlds(), [3, 4], names)
    assert file.read_text().startswith(first) and len(file.read_text().splitlines()) == 4
    kept = kept_replays(table())
    assert {name: sorted(kept[name]) for name in kept} == {name: [3, 4] for name in names}
    one = kept[names[0]][3]
    assert one.gains.keys() == {4, 8} and len(one.failed) == 4 and one.seed == 3
    file.unlink()
    play(*worlds(), [3], names[:1])
    assert file.read_text() == first


def test_replays_on_a_table_that_grew_are_left_aside(data: Path) -> None:
    grown = replace(table(), looks=(*table().looks, table().looks[0]))
    file = replays_file(table())
    file.parent.mkdir()
    row = Replay(
        searcher="evolve",
        seed=0,
        ground="w 24",
        gains={SHORT: 0.1},
        failed=(),
        misses=0,
        repaired=0,
    )
    file.write_text(json.dumps(asdict(row)) + "\n")
    assert kept_replays(table()) == {"evolve": {0: row}}
    assert kept_replays(grown) == {}


@pytest.mark.slow
def test_everybody_can_be_replayed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    monkeypatch.setattr(evolve_replays, "TRIALS", 12)
    monkeypatch.setattr(evolve_replays, "SHORT", 4)
    play(*worlds(), [0])
    assert kept_replays(table()).keys() == {"evolve", *BASELINES, *PARTS}
