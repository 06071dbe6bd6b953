"""What each part of evolve is worth on synthetic landscapes: the whole against one without it."""

from __future__ import annotations

import statistics

from benchmarks.evolve_proposals import MEANING, SAMPLE, TRIALS, Runs, evolve, interval, runs_of
from benchmarks.report import Report, Row

from autores.plugins.agents.evolve.settings import Settings

SEEDS = range(1_000, 1_004)
WITHOUT = {
    "repair": Settings(repair=False),
    "moves": Settings(moves=False),
    "merges": Settings(merge=False),
    "bundles": Settings(most_edits=3),
}
INSTEAD = {"draws": Settings(draw=True), "optuna's samples": Settings(sampler="optuna")}


def _row(full: Runs, part: Runs) -> Row:
    return Row(
        name=f"true gain after {TRIALS} trials, {part.name}",
        value=statistics.fmean(part.gains(TRIALS)),
        unit="log",
        baseline=statistics.fmean(full.gains(TRIALS)),
        compared_with="evolve",
        samples=len(part.courses),
    )


def _note(full: Runs, part: Runs) -> str:
    pairs = zip(part.gains(TRIALS), full.gains(TRIALS), strict=True)
    low, high = interval([a - b for a, b in pairs])
    return f"{part.name}: {low:+.3f} to {high:+.3f} (95 %, paired)"


def run() -> Report:
    """Each variant on the same landscapes, with the same noise of the evaluator."""
    full = runs_of("evolve", lambda: evolve(Settings()), SEEDS)
    named = {f"without {name}": settings for name, settings in WITHOUT.items()}
    named |= {f"with {name}": settings for name, settings in INSTEAD.items()}
    parts = [runs_of(name, lambda s=settings: evolve(s), SEEDS) for name, settings in named.items()]  # type: ignore[misc]
    return Report(
        title="Parts of evolve on synthetic landscapes",
        rows=[_row(full, part) for part in parts],
        notes=[*(_note(full, part) for part in parts), SAMPLE, MEANING],
    )
