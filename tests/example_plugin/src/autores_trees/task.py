"""Guess the height of a tree from its girth, for trees that nobody has measured yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autores import hookimpl
from autores.evaluator.arena import Arena, Phase
from autores.evaluator.request import EvaluationRequest
from autores.records import Direction, Limits, Metric, Outcome, Recipe, Sample, Task

MEASURED, ASKED = 60, 400


@hookimpl
def autores_task(profile: str) -> Task:
    """One profile, one surface, one number."""
    return Task(
        name="trees",
        title="Guess the height of trees",
        metric=Metric(name="error", direction=Direction.MINIMIZE, unit="m"),
        recipe=Recipe(
            path=str(Path(__file__).parent / "recipe"), surfaces={"growth": ("train.py",)}
        ),
        calibration_looks=2,
        default_specialists=("forester",),
    )


@hookimpl
def autores_budget() -> Limits:
    """Seconds, and a weightless model."""
    walls = {"prepare": 10.0, "train": 5.0, "inference": 5.0}
    return Limits(wall=walls, artifact_bytes=64 << 10)


@hookimpl
def autores_evaluate(request: EvaluationRequest, arena: Arena) -> Outcome:
    """Show measured trees, ask for others, compare."""
    for seed in request.evaluation.seeds:
        draw = np.random.default_rng(list(request.derive("forest", seed)))
        girth, height = _forest(draw, MEASURED)

        def lay_out(folder: Path, trees: tuple[np.ndarray, ...] = (girth, height)) -> None:
            np.save(folder / "trees.npy", np.stack(trees))

        with arena.spawn(Phase.TRAIN, seed=seed, data=lay_out) as trainee:
            trainee.until_ready()
            trainee.go()
            weights = trainee.until_done()
        girth, height = _forest(draw, ASKED)
        with arena.spawn(Phase.INFER, seed=seed, weights=weights) as answerer:
            answerer.until_ready()
            answerer.go()
            guess = answerer.ask(girth, shape=(ASKED,))
        arena.record(Sample(seed=seed, score=float(np.abs(guess - height).mean())))
    return arena.outcome(sum(s.score for s in arena.samples) / len(arena.samples))


def _forest(draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    girth = draw.uniform(0.2, 4.0, count)
    return girth, 1.3 + 28 * (1 - np.exp(-0.7 * girth)) + draw.normal(0, 1.5, count)
