"""A task that is as small as a task can be, so that attacks on it are quick: four kinds of score.

`labels` works as airbench does (train on what appears at GO, answer shuffled batches, count);
`chunks`, `columns` and `produced` score a text as the language tasks do. The same key makes the
same numbers for the same recipe, so that "the honest score" can be compared exactly.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores import hookimpl
from autores.evaluator.arena import Arena, Failed, Phase, Sealed
from autores.evaluator.request import EvaluationRequest
from autores.records import Direction, Limits, Metric, Outcome, Recipe, Sample, Task
from autores.scoring import (
    Audit,
    Text,
    bits_per_byte,
    count_right,
    produced,
    rows_needed,
    score_chunks,
    score_columns,
)
from autores.scoring.audit import together
from autores.status import Cause

CLASSES, AXES, TRAIN, ASKED, BATCH = 5, 8, 400, 400, 100
VOCABULARY, TOKENS, ROWS, LENGTH, LANES = 32, 4096, 16, 64, 128
MOST_REPLAYS = 6
MOST_ARTIFACT = 16_384
WALL = {"prepare": 8.0, "train": 8.0, "inference": 8.0}
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class World:
    """All that is drawn from one key."""

    key: bytes

    def _draw(self, what: int) -> np.random.Generator:
        return np.random.default_rng([what, *self.key])

    def points(self, part: int, count: int) -> tuple[Array, Array]:
        """Points around the prototypes of their classes, too near to be told apart surely."""
        prototypes = self._draw(0).normal(size=(CLASSES, AXES))
        draw = self._draw(part)
        labels = draw.integers(0, CLASSES, count)
        return prototypes[labels] + 1.1 * draw.normal(size=(count, AXES)), labels

    def tokens(self, part: int, count: int = TOKENS) -> Array:
        """A text in which each token hints at the next."""
        chances = self._draw(10).dirichlet(np.full(VOCABULARY, 0.2), VOCABULARY).cumsum(1)
        draw, token, text = self._draw(part).random(count), 0, []
        for chance in draw:
            token = min(int(chances[token].searchsorted(chance)), VOCABULARY - 1)
            text.append(token)
        return np.array(text, np.int64)


def prepare(folder: Path) -> World:
    """Lay out the data with a new key."""
    world = World(secrets.token_bytes(16))
    held_out = folder / "held_out"
    held_out.mkdir(mode=0o700)
    (held_out / "key").write_bytes(world.key)
    for name, part in (("x", 0), ("y", 1)):
        np.save(held_out / f"{name}.npy", world.points(2, ASKED)[part])
        np.save(folder / f"{name}.npy", world.points(1, TRAIN)[part])
    np.save(folder / "tokens.npy", world.tokens(11))
    for path in (*folder.glob("*.npy"), *held_out.iterdir()):
        path.chmod(0o600 if path.parent == held_out else 0o644)
    return world


@hookimpl
def autores_task(profile: str) -> Task:
    """The task; the profile is the kind of score."""
    kind = profile or "labels"
    up = Direction.MAXIMIZE if kind in ("labels", "produced") else Direction.MINIMIZE
    return Task(
        name="quick",
        title="Points or tokens",
        metric=Metric(name="score", direction=up),
        recipe=Recipe(path="/nowhere"),
        profile=kind,
        sizes={"kind": kind, "entry": "train.py"},
    )


@hookimpl
def autores_budget(task: Task) -> Limits:
    """Little of everything."""
    return Limits(
        wall=WALL,
        artifact_bytes=MOST_ARTIFACT + 32_768,  # code and artifact together
        memory_bytes=192 << 20,
        disk_bytes=16 << 20,
        output_bytes=1 << 20,
        processes=64,
    )


@hookimpl
def autores_evaluate(request: EvaluationRequest, arena: Arena) -> Outcome:
    """Measure every seed; the score is the mean."""
    world = World(Path(request.data_dir, "held_out", "key").read_bytes())
    measure = _labels if request.task.profile == "labels" else _text
    if "smoke" in request.limits.wall:
        _train(arena, Phase.SMOKE, 0)
    for seed in request.evaluation.seeds:
        arena.record(measure(arena, world, seed))
    return arena.outcome(fmean(sample.score for sample in arena.samples))


def _train(arena: Arena, phase: Phase, seed: int) -> tuple[float, Sealed]:
    request = arena.request
    classes = np.random.default_rng([*request.derive("classes", seed)]).permutation(CLASSES)
    source = Path(request.data_dir)

    def lay_out(folder: Path) -> None:
        for name in ("x", "tokens"):
            np.save(folder / f"{name}.npy", np.load(source / f"{name}.npy"))
        np.save(folder / "y.npy", classes[np.load(source / "y.npy")])

    entry = request.task.sizes["entry"]
    with arena.spawn(phase, seed=seed, entry=entry, data=lay_out) as trainee:
        trainee.until_ready()
        trainee.go()
        weights = trainee.until_done()
    return trainee.seconds, weights


def _labels(arena: Arena, world: World, seed: int) -> Sample:
    request = arena.request
    classes = np.random.default_rng([*request.derive("classes", seed)]).permutation(CLASSES)
    order = np.random.default_rng([*request.derive("order", seed)]).permutation(ASKED)
    x, y = (part[order] for part in world.points(2, ASKED))
    seconds, weights = _train(arena, Phase.TRAIN, seed)
    entry = request.task.sizes["entry"]
    with arena.spawn(Phase.INFER, seed=seed, entry=entry, weights=weights) as answerer:
        answerer.until_ready()
        answerer.go()
        batches = (x[first : first + BATCH] for first in range(0, ASKED, BATCH))
        answers = [answerer.ask(batch, shape=(BATCH, CLASSES)) for batch in batches]
    right = count_right(np.concatenate(answers), classes[y])
    return Sample(
        seed=seed,
        score=right / ASKED,
        counts={"right": right, "asked": ASKED},
        metrics={"training": seconds, "inference": answerer.seconds},
    )


def _text(arena: Arena, world: World, seed: int) -> Sample:
    seconds, weights = _train(arena, Phase.TRAIN, seed)
    kind, entry = arena.request.task.profile, arena.request.task.sizes["entry"]
    text = Text(tokens=world.tokens(12), vocabulary=VOCABULARY, bytes=4 * TOKENS)
    with arena.spawn(Phase.INFER, seed=seed, entry=entry, weights=weights) as answerer:
        answerer.until_ready()
        answerer.go()
        if kind == "columns":
            score = bits_per_byte(score_columns(answerer, text, lanes=LANES), text)
        elif kind == "produced":
            score = fmean(produced(lambda rows: _next(answerer, rows), _items(text.tokens)))
        else:
            found = score_chunks(answerer, text, rows=ROWS, length=LENGTH)
            score = bits_per_byte(np.concatenate([part.reshape(-1) for part in found]), text)
    if kind == "chunks":
        audit = Audit(text, ROWS, LENGTH, found, world.tokens(13, 2 * TOKENS))
        _audit(arena, seed, weights, audit, score)
    metrics = {"training": seconds, "inference": answerer.seconds}
    return Sample(seed=seed, score=score, metrics=metrics)


def _audit(arena: Arena, seed: int, weights: Sealed, audit: Audit, score: float) -> None:
    """Replay as often as finds what could explain the gain, were it all in a few chunks."""
    reference = arena.request.reference("score")
    if reference is not None and score >= reference:
        return
    replays = 1 if reference is None else rows_needed(reference - score, reference)
    verdicts = []
    entry = arena.request.task.sizes["entry"]
    for replay in range(min(replays, MOST_REPLAYS)):
        with arena.spawn(Phase.INFER, seed=seed, entry=entry, weights=weights) as answerer:
            answerer.until_ready()
            answerer.go()
            plan = audit.plan(arena.request.derive("audit", seed, replay))
            verdicts.append(audit.replay(answerer, plan))
    verdict = together(verdicts)
    if not verdict.passed:
        raise Failed(Cause.AUDIT, f"{verdict.moved} of {verdict.rows} rows moved")


def _items(tokens: Array) -> list[tuple[Array, Array]]:
    """Contexts of ten tokens and continuations of two."""
    return [(tokens[at : at + 10], tokens[at + 10 : at + 12]) for at in range(0, 1200, 12)]


def _next(answerer: Any, rows: list[Array]) -> Array:
    width = max(map(len, rows))
    padded = np.stack([np.pad(row, (width - len(row), 0)) for row in rows])
    return np.asarray(answerer.ask(padded, shape=(len(rows), VOCABULARY)))
