"""How a recipe is measured: train on what appears at GO, answer in batches, count."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import fmean

from autores.evaluator.arena import Arena, Failed, Phase, Sealed
from autores.prepared import require_world
from autores.records import Outcome, Sample, Split
from autores.status import Cause
from autores.tasks.airbench import data
from autores.tasks.airbench.conditions import ASKED_NEWER, RIGHT_NEWER
from autores.tasks.airbench.data import Prepared
from autores.tasks.airbench.profiles import profile_named
from autores.tasks.airbench.scoring import BadAnswer, count_right, is_hopeless
from autores.tasks.airbench.world import CLASSES, Bytes, Images

SMOKE_SEED = 0
"""Nothing that is measured depends on it."""
SLOWER_INFERENCE = 3.0
"""Inference may take so many times what the seed recipe takes …"""
LEAST_INFERENCE_S = 5.0
"""… or this, so that a machine that is busy for a moment ends no trial. All of it is score."""


def evaluate(arena: Arena) -> Outcome:
    """Measure all seeds of a request; the score is their mean."""
    request = arena.request
    profile = profile_named(request.task.profile)
    prepared = _prepared(arena)
    pictures = prepared.held_out(request.evaluation.split.value)
    if "smoke" in request.limits.wall:
        _train(arena, prepared, Phase.SMOKE, SMOKE_SEED, _classes(arena, "smoke"))
    for seed in request.evaluation.seeds:
        measure = partial(_measure, arena, prepared, pictures, seed)
        arena.record(arena.calmly(measure) if profile.watches_machine else measure())
        _give_up_if_hopeless(arena, len(pictures))
    return arena.outcome(fmean(sample.score for sample in arena.samples))


def _measure(arena: Arena, prepared: Prepared, pictures: Images, seed: int) -> Sample:
    classes = _classes(arena, seed)
    training, weights = _train(arena, prepared, Phase.TRAIN, seed, classes)
    inference, right = _ask(arena, weights, pictures, seed, classes)
    return Sample(
        seed=seed,
        score=training + inference,
        counts={
            "right": right,
            "asked": len(pictures),
            **_of_newer(arena, prepared, weights, seed, classes),
        },
        metrics={
            "accuracy": right / len(pictures),
            "training": training,
            "inference": inference,
        },
    )


def _of_newer(
    arena: Arena, prepared: Prepared, weights: Sealed, seed: int, classes: Bytes
) -> dict[str, int]:
    """What a certificate asks besides, where CIFAR-10.1 is there: neither time nor gate."""
    certifies = arena.request.evaluation.split is Split.CERTIFICATION
    newer = prepared.newer() if certifies else None
    if newer is None:
        return {}
    _, right = _ask(arena, weights, newer, seed, classes)
    return {RIGHT_NEWER: right, ASKED_NEWER: len(newer)}


def _ask(
    arena: Arena, weights: Sealed, pictures: Images, seed: int, classes: Bytes
) -> tuple[float, int]:
    """Seconds from the first question to the last answer, and how many are right."""
    request = arena.request
    order = data.order(request.derive("order", seed), len(pictures))
    size = request.task.sizes["test_batch"]
    parts = [pictures[order[rows]] for rows in data.batches(len(order), size)]
    with arena.spawn(
        Phase.INFER, seed=seed, weights=weights, wall=_inference_wall(arena), scored=True
    ) as answerer:
        answerer.until_ready()
        answerer.go()
        answers = [answerer.ask(part.images, shape=(len(part), CLASSES)) for part in parts]
    try:
        right = sum(
            count_right(answer, classes[part.labels])
            for answer, part in zip(answers, parts, strict=True)
        )
    except BadAnswer as error:
        raise Failed(Cause.PROTOCOL if error.finite else Cause.NOT_FINITE, str(error)) from None
    return answerer.seconds, right


def _train(
    arena: Arena, prepared: Prepared, phase: Phase, seed: int, classes: Bytes
) -> tuple[float, Sealed]:
    with arena.spawn(
        phase,
        seed=seed,
        data=lambda folder: data.stage(prepared, folder, classes),
        wall=arena.request.patience(phase.limit, "training"),
        scored=True,
    ) as trainee:
        trainee.until_ready()
        trainee.go()
        weights = trainee.until_done()
    return trainee.seconds, weights


def _classes(arena: Arena, use: int | str) -> Bytes:
    return data.permutation(arena.request.derive("classes", use))


def _prepared(arena: Arena) -> Prepared:
    request = arena.request
    prepared = data.open_prepared(profile_named(request.task.profile), Path(request.data_dir))
    require_world(request, prepared.world)
    return prepared


def _inference_wall(arena: Arena) -> float:
    seed_recipe = arena.request.reference("inference")
    if seed_recipe is None:
        return arena.request.patience("inference", "inference")
    return max(SLOWER_INFERENCE * seed_recipe, LEAST_INFERENCE_S)


def _give_up_if_hopeless(arena: Arena, each: int) -> None:
    request = arena.request
    (gate,) = request.task.gates
    threshold, pooled = request.threshold(gate), arena.pooled
    to_come = each * (len(request.evaluation.seeds) - len(arena.samples))
    right, asked = pooled["right"], pooled["asked"]
    if threshold is not None and is_hopeless(right, asked, to_come, threshold):
        raise Failed(
            Cause.GATE,
            f"stopped after {len(arena.samples)} of {len(request.evaluation.seeds)} seeds: "
            f"{right:,} of {asked:,} right can hardly become {threshold} any more",
        )
