"""How long do 100,000 trials take to import and analyze, and does `verify` err as it says?"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from benchmarks.lineage import TASK, Grown
from benchmarks.report import Report, Row

from autores.analysis import analyse
from autores.archive.taking import examine
from autores.lineage.store import LineageStore
from autores.readmodel import read
from autores.records import Direction, Task
from autores.verify import DEFAULT_ERROR, verify

MANY = 100_000
CLAIMS = 4_000
SEEDS = 10
SIGMAS = 2.0
HEADER = (
    "exp_id timestamp specialist parent_exp baseline_exp domain hypothesis expected_delta status "
    "val_bpb delta_vs_best artifact_bytes train_s eval_s total_s job_name snapshot_path notes"
).replace(" ", "\t")
IDEAS = ("raise", "lower", "wider", "deeper", "warmup", "momentum", "decay", "gate", "norm", "loss")


def run() -> Report:
    """Time both, and claim often."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = [*_imported(folder), *_analyzed(folder), *_claimed()]
    return Report(
        title="Evidence: imports, analyses and verdicts",
        rows=rows,
        notes=(
            "Seconds are of processor time: nothing here waits. Building lineages is not counted.",
            f"Verdicts: {CLAIMS:,} simulated claims each, {SEEDS} fresh looks a side, Gaussian.",
        ),
    )


def seconds(work: Callable[[], object]) -> float:
    """Of processor time, as the commands work: without looking for garbage."""
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        work()
        return time.process_time() - start
    finally:
        gc.enable()


# ---------------------------------------------------------------------------------- imports


def _imported(folder: Path) -> Iterator[Row]:
    file = folder / "results.tsv"
    file.write_text("\n".join(_table()) + "\n")
    spent = seconds(lambda: examine(file).as_mapping())
    yield Row(name=f"import {MANY:,} published rows", value=spent, unit="s", limit=20.0)
    found = examine(file)
    spent = seconds(lambda: analyse(read(found.store, found.task, checked=False)))
    yield Row(name=f"analyze {MANY:,} imported trials", value=spent, unit="s", limit=10.0)


def _table() -> Iterator[str]:
    """Rows of the published shape: some kept, some refused, some with texts in quotes."""
    draw, best = random.Random(1), 1.08
    yield HEADER
    yield (
        "000\t2026-01-01T00:00:00Z\tbaseline\t\t\tbaseline\tseed\t0\tbaseline\t1.080000" + "\t" * 8
    )
    for number in range(1, MANY):
        status = draw.choices(("discard", "keep", "size_blocked", "crash"), (70, 2, 18, 10))[0]
        score = best - 1e-6 if status == "keep" else best + draw.expovariate(100)
        delta = f"{score - best:+.6f}" if status in ("keep", "discard") else ""
        best = score if status == "keep" else best
        words = " ".join(draw.choices(IDEAS, k=25)) + f" {draw.random():.3f}"
        hypothesis = f'"{words} ""so"""' if draw.random() < 0.05 else words
        parent = f"{max(0, number - draw.randint(1, 40)):03d}"
        who = draw.choice(("opt", "arch", "loss", "quant"))
        yield "\t".join(
            (
                *(f"{number:03d}", "2026-01-01T00:00:00Z", who, parent, parent, who),
                *(hypothesis, "-0.001", status, "" if status == "crash" else f"{score:.6f}"),
                *(delta, "15990000", "600.1", "520.2", "1400.0", f"job-{number}", ""),
                f"follows exp_{parent}; {words}",
            )
        )


# --------------------------------------------------------------------------------- analyses


def _analyzed(folder: Path) -> Iterator[Row]:
    grown = Grown(folder / "lineage.db")
    grown.grow(MANY)
    grown.store.close()
    store = type(grown.store)(folder / "lineage.db")  # nothing decoded is at hand
    spent = seconds(lambda: _told(store, TASK))
    yield Row(name=f"analyze {MANY:,} trials of our own", value=spent, unit="s", limit=10.0)
    store.close()


def _told(store: LineageStore, task: Task) -> object:
    return analyse(read(store, task, checked=False))


# --------------------------------------------------------------------------------- verdicts


def _claimed() -> Iterator[Row]:
    wrong = _verified(0.0)
    yield Row(
        name="verified without any effect",
        value=wrong,
        unit="of claims",
        baseline=DEFAULT_ERROR,
        compared_with="the error that was asked for",
        limit=1.5 * DEFAULT_ERROR,
        samples=CLAIMS,
    )
    missed = 1 - _verified(SIGMAS)
    yield Row(
        name=f"missed at {SIGMAS:g} σ", value=missed, unit="of claims", limit=0.1, samples=CLAIMS
    )


def _verified(effect: float) -> float:
    """The share of claims that are verified; lower scores are better."""
    draw = np.random.default_rng(7)
    level = draw.normal(size=(CLAIMS, 2, SEEDS))
    level[:, 0] -= effect
    verdicts = (
        verify(list(ours), list(theirs), direction=Direction.MINIMIZE) for ours, theirs in level
    )
    return sum(verdict.verified for verdict in verdicts) / CLAIMS
