from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from autores.archive.taking import examine
from autores.events import Body, Calibrated, Evaluated, Started
from autores.export import write_tsv
from autores.lineage.store import create
from autores.plugins.stores.memory import MemoryStore
from autores.published import LAYOUTS
from autores.readmodel import read
from autores.records import (
    Calibration,
    Direction,
    Measurement,
    Metric,
    Outcome,
    Recipe,
    Sample,
    Split,
    Task,
)
from autores.status import Cause
from autores.testing.stores import CREATED, life, started

PUBLISHED = {
    "parameter_golf": """exp_id timestamp specialist parent_exp baseline_exp domain hypothesis
        expected_delta status val_bpb delta_vs_best artifact_bytes train_s eval_s total_s job_name
        snapshot_path notes""",
    "cifar": """exp_id timestamp specialist parent_exp baseline_exp domain hypothesis
        expected_delta status train_s accuracy acc_std n_seeds delta_vs_best total_s job_name
        snapshot_path notes""",
    "nanochat": """exp_id timestamp specialist parent_exp baseline_exp domain hypothesis
        expected_delta status core_metric val_bpb delta_vs_best train_s total_s job_name
        snapshot_path notes""",
}
VALUES = {
    "exp_id": ("000", "001", "002"),
    "timestamp": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"),
    "specialist": ("baseline", "opt", "arch"),
    "parent_exp": ("", "000", "001"),
    "baseline_exp": ("", "000", "001"),
    "domain": ("baseline", "opt", "arch"),
    "hypothesis": ("as it came", "warm up longer", "fewer layers"),
    "expected_delta": ("", "-0.1", "-0.2"),
    "status": ("baseline", "keep", "crash"),
    "delta_vs_best": ("", "-0.250000", ""),
    "acc_std": ("0.001000", "0.002000", ""),
    "n_seeds": ("10", "10", ""),
    "accuracy": ("0.961000", "0.960500", ""),
    "artifact_bytes": ("15990000", "15990001", ""),
    "eval_s": ("500.000000", "501.000000", ""),
    "total_s": ("1200.000000", "1201.000000", ""),
    "notes": ("", "", "out of memory"),
}
SCORES = ("26.000000", "25.750000", "")
OTHERS = ("599.000000", "598.000000", "")
NOT_OURS = ("job_name", "snapshot_path")


def _column(name: str, layout: str) -> tuple[str, ...]:
    if name == LAYOUTS[layout][0]:
        return SCORES
    return VALUES.get(name, OTHERS if name not in NOT_OURS else ("", "", ""))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_was_imported_comes_out_as_it_was(tmp_path: Path, layout: str) -> None:
    header = PUBLISHED[layout].split()
    lines = zip(*(_column(name, layout) for name in header), strict=True)
    table = ["\t".join(header), *("\t".join(line) for line in lines)]
    (tmp_path / "results.tsv").write_text("\n".join(table) + "\n")
    found = examine(tmp_path, direction=Direction.MINIMIZE)
    assert not found.notes.unrepaired
    file = io.StringIO()
    write_tsv(read(found.store, found.task), file, layout=layout, looks=found.store.looks)
    ours = [line.split("\t") for line in file.getvalue().splitlines()]
    kept = [i for i, name in enumerate(header) if name not in NOT_OURS]
    assert [[row[i] for i in kept] for row in ours] == [
        [line.split("\t")[i] for i in kept] for line in table
    ]


def _looked(trial: int, ordinal: int, split: Split, *accuracies: float) -> list[Body]:
    samples = tuple(
        Sample(seed=seed, score=3.0, metrics={"accuracy": accuracy})
        for seed, accuracy in enumerate(accuracies)
    )
    outcome = Outcome(
        cause=Cause.VALID,
        score=3.0,
        samples=samples,
        metrics={"accuracy": sum(accuracies) / len(accuracies)},
        measurements=(Measurement(phase="train", seed=1, wall=2.5),),
    )
    begun = replace(started(trial, ordinal).evaluation, split=split)
    return [Started(evaluation=begun), Evaluated(trial=trial, ordinal=ordinal, outcome=outcome)]


def test_seeds_of_our_own_runs_are_counted_and_their_spread_told() -> None:
    store = MemoryStore()
    create(store, CREATED)
    known = Calibration(task="toy", profile="", score=3.5)
    accepted, gated, *_ = life(0, 3.5, specialist="seed")
    bodies = [accepted, gated, *_looked(0, 0, Split.EVALUATION, 0.96, 0.97)]
    store.append(lambda head: [*bodies, Calibrated(calibration=known)])
    store.append(lambda head: _looked(0, 1, Split.CERTIFICATION, 0.5, 0.5))
    task = Task(
        name="toy",
        title="Toy",
        metric=Metric(name="seconds", direction=Direction.MINIMIZE),
        recipe=Recipe(path="/nowhere"),
    )
    file = io.StringIO()
    write_tsv(read(store, task), file, layout="cifar", looks=store.looks)
    header, row = (line.split("\t") for line in file.getvalue().splitlines())
    told = dict(zip(header, row, strict=True))
    assert (told["train_s"], told["n_seeds"]) == ("3.500000", "2")
    assert (told["accuracy"], told["acc_std"]) == ("0.965000", "0.007071")
