"""A task that is measured in milliseconds: fit a curve that nobody sees.

The curve is drawn from a secret key. The recipe is four numbers, which are read and never
run, so that evaluating in the supervisor's own process (`autores.testing.inline`) is safe.
Everything else is as in any task: noise, a gate on counts, limits, failures of several kinds.
"""

from __future__ import annotations

import ast
import hashlib
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores import hookimpl
from autores.errors import unknown
from autores.evaluator.request import EvaluationRequest
from autores.records import (
    Artifact,
    Direction,
    Gate,
    Limits,
    Measurement,
    Metric,
    Outcome,
    Recipe,
    Sample,
    Split,
    Task,
    Tree,
)
from autores.status import Cause

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "default": {"points": 40, "asked": 200, "pause": 0.0},
    "slow": {"points": 40, "asked": 200, "pause": 0.05},
}
SURFACES = {
    "architecture": ("fit.py::degree",),
    "regularization": ("fit.py::ridge",),
    "optimizer": ("fit.py::rate",),
    "schedule": ("fit.py::steps",),
}
NAMES = ("degree", "ridge", "rate", "steps")
MOST_WORK = 20_000
"""Steps times degree: more is over the time of training."""
MOST_DEGREE = 64
CLOSE = 0.5
NOISE = 0.2
FAIR_LOOKS, FAIR_SHARE = 5, 0.3
"""The seed recipe must come so close at each of so many looks in a new world; a fifth passes."""
FLAT = 1e-9
"""A curvature that no step notices."""
Numbers = NDArray[np.float64]


class Failed(Exception):
    """The recipe did not get as far as a score."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


@hookimpl
def autores_task(profile: str) -> Task:
    """The task; profile `slow` takes 50 ms for each evaluation."""
    profile = profile or "default"
    if profile not in PROFILES:
        raise unknown("toy profile", profile, PROFILES)
    here = Path(__file__).resolve().parent
    return Task(
        name="toy",
        title="Fit a curve that nobody sees",
        metric=Metric(name="rmse", direction=Direction.MINIMIZE),
        recipe=Recipe(path=str(here / "recipe"), editable=("fit.py",), surfaces=SURFACES),
        profile=profile,
        profiles=tuple(PROFILES),
        sizes=PROFILES[profile],
        gates=(Gate(name="close", hits="close", total="asked", at_least="0.2"),),
        default_specialists=("arch", "optim", "reg"),
    )


@hookimpl
def autores_prepare(task: Task, data_dir: Path) -> str:
    """Draw the key, once: of a world in which the seed recipe passes with ease."""
    if not _key_file(data_dir).exists():
        keys = iter(lambda: secrets.token_bytes(16), b"")
        keep_key(data_dir, next(key for key in keys if _is_fair(key, task)))
    return hashlib.sha256(_key_file(data_dir).read_bytes()).hexdigest()[:12]


def keep_key(data_dir: Path, key: bytes) -> None:
    """Have the world of this key, where there is none yet."""
    file = _key_file(data_dir)
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_bytes(key)
        file.chmod(0o600)


def _is_fair(key: bytes, task: Task) -> bool:
    """Not in every curve are so many points close to what the seed recipe fits."""
    numbers = read_numbers((Path(task.recipe.path) / "fit.py").read_bytes())
    world = _World(key, Split.EVALUATION)
    shares = (
        sample.counts["close"] / sample.counts["asked"]
        for sample in (_measure(world, numbers, seed, task.sizes) for seed in range(FAIR_LOOKS))
    )
    return min(shares) >= FAIR_SHARE


@hookimpl
def autores_budget(task: Task) -> Limits:
    """Little of everything."""
    return Limits(wall={"train": 5.0}, artifact_bytes=1 << 20, memory_bytes=1 << 30)


@hookimpl
def autores_certification() -> str:
    """Points that no evaluation ever asks for."""
    return "points of the same curve that were held back"


@hookimpl
def autores_evaluate(request: EvaluationRequest, tree: Tree) -> Outcome:
    """Train with the recipe's numbers on each seed's points; score on points never shown."""
    begun = time.monotonic()
    evaluation, sizes = request.evaluation, request.task.sizes
    time.sleep(sizes["pause"])
    world = _world(_key_file(Path(request.data_dir)).read_bytes(), evaluation.split)
    try:
        numbers = read_numbers(tree.read("fit.py"))
        samples = tuple(_measure(world, numbers, seed, sizes) for seed in evaluation.seeds)
    except Failed as failure:
        return Outcome(cause=failure.cause, detail=str(failure))
    counts = {k: sum(s.counts[k] for s in samples) for k in ("close", "asked")}
    score = sum(s.score for s in samples) / len(samples)
    cause = Cause.VALID if _passes(request, counts) else Cause.GATE
    code = tree.read("fit.py")
    wall = time.monotonic() - begun
    return Outcome(
        cause=cause,
        score=score if cause is Cause.VALID else None,
        counts=counts,
        samples=samples,
        metrics={"rmse": score},
        measurements=(Measurement(phase="train", seed=evaluation.seeds[0], wall=wall),),
        artifact=Artifact(
            sha256=hashlib.sha256(code).hexdigest(), code_bytes=len(code), weight_bytes=0
        ),
    )


def _passes(request: EvaluationRequest, counts: Mapping[str, int]) -> bool:
    (gate,) = request.task.gates
    return gate.shortfall(counts, gate.at_least or "0") <= 0


def read_numbers(code: bytes) -> dict[str, float]:
    """The four numbers; nothing is run."""
    try:
        module = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        raise Failed(Cause.SMOKE, str(error)) from None
    found: dict[str, float] = {}
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                if name in NAMES and isinstance(value, int | float):
                    found[name] = float(value)
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise Failed(Cause.EXITED, f"fit.py assigns no number to {missing[0]}")
    return found


class _World:
    """The curve: a few sines, drawn from the key."""

    def __init__(self, key: bytes, split: Split) -> None:
        draw = np.random.default_rng(list(hashlib.sha256(key).digest()))
        self._split = list(Split).index(split)
        self._waves = np.arange(1, 5)
        self._weights = draw.normal(size=4) / self._waves
        self._phases = draw.uniform(0, 2 * np.pi, 4)

    def sample(self, seed: int, count: int, noise: float) -> tuple[Numbers, Numbers]:
        draw = np.random.default_rng((seed, self._split, int(noise > 0)))
        x = draw.uniform(-1, 1, count)
        y = np.sin(np.outer(x, 2 * self._waves) + self._phases) @ self._weights
        return x, y + noise * draw.normal(size=count)


_world = lru_cache(maxsize=4)(_World)


def _measure(
    world: _World, numbers: Mapping[str, float], seed: int, sizes: Mapping[str, Any]
) -> Sample:
    degree, steps = int(numbers["degree"]), int(numbers["steps"])
    if not 0 <= degree <= MOST_DEGREE:
        raise Failed(Cause.MEMORY, f"degree {degree} is not within 0 and {MOST_DEGREE}")
    if steps * max(1, degree) > MOST_WORK:
        over = steps * degree - MOST_WORK
        raise Failed(Cause.TRAIN_TIME, f"{over:,} units of work over {MOST_WORK:,}")
    x, y = world.sample(seed, sizes["points"], NOISE)
    weights = _descend(_features(x, degree), y, numbers, steps)
    x, y = world.sample(seed, sizes["asked"], 0.0)
    error = _features(x, degree) @ weights - y
    if not np.isfinite(error).all():
        raise Failed(Cause.NOT_FINITE, "training diverged; lower the rate")
    score = float(np.sqrt(np.mean(error**2)))
    close = int((np.abs(error) < CLOSE).sum())
    return Sample(seed=seed, score=score, counts={"close": close, "asked": len(error)})


def _features(x: Numbers, degree: int) -> Numbers:
    features: Numbers = np.asarray(np.polynomial.legendre.legvander(x, degree), dtype=np.float64)
    return features


def _descend(features: Numbers, y: Numbers, numbers: Mapping[str, float], steps: int) -> Numbers:
    """Where so many steps of gradient descent from zero lead, by its closed form."""
    gram, target = features.T @ features / len(y), features.T @ y / len(y)
    curvature, axes = np.linalg.eigh(gram + numbers["ridge"] * np.eye(len(gram)))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        left = (1 - numbers["rate"] * curvature) ** steps
        flat = np.abs(curvature) < FLAT
        reached = np.where(flat, steps * numbers["rate"], (1 - left) / curvature)
        weights: Numbers = axes @ (reached * (axes.T @ target))
    return weights


def _key_file(data_dir: Path) -> Path:
    return data_dir / "toy/held_out/key"
