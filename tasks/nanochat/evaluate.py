"""How a recipe is measured: train on what appears at GO, answer CORE's questions, be counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean

import numpy as np

from autores.evaluator.arena import Arena, Candidate, Phase, Sealed
from autores.prepared import require_world
from autores.records import Outcome, Purpose, Sample, Tree
from autores.scoring.likelihood import Losses
from autores.tasks.nanochat import data, validation
from autores.tasks.nanochat.conditions import CHANCE
from autores.tasks.nanochat.core_metric import Mark, Paper, core, core_error, set_paper
from autores.tasks.nanochat.data import Prepared
from autores.tasks.nanochat.estimate import horizon
from autores.tasks.nanochat.profiles import profile_named
from autores.tasks.nanochat.questioner import Questioner
from autores.tasks.nanochat.validation import Held

SMOKE_SEED = 0
"""Nothing that is measured depends on it."""
SLOWER_INFERENCE = 2.0
"""Inference may take so many times what the seed recipe takes."""
SHORTEST_INFERENCE = 5.0
"""Seconds that are always allowed: what takes less varies by more than twice."""
AUDITED = {Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY}
"""Only what might be kept is audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What every seed of an evaluation is asked."""

    prepared: Prepared
    papers: tuple[Paper, ...]
    held: Held
    padding: int


def evaluate(arena: Arena, tree: Tree) -> Outcome:
    """Measure all seeds of a request; the score is their mean CORE."""
    request = arena.request
    exam = set_exam(_prepared(arena), request.evaluation.split.value)
    if "smoke" in request.limits.wall:
        _train(arena, exam, Phase.SMOKE, SMOKE_SEED)
    for seed in request.evaluation.seeds:
        arena.record(_measure(arena, exam, seed))
    planned = horizon(tree, request.task.sizes)
    return arena.outcome(
        fmean(sample.score for sample in arena.samples),
        {} if planned is None else {"planned_tokens": float(planned.tokens)},
    )


def set_exam(prepared: Prepared, split: str) -> Exam:
    """Tokenise everything that will be asked."""
    vocabulary, profile = prepared.vocabulary, prepared.profile
    papers = tuple(
        set_paper(task, prepared.items(task, split), vocabulary.encode)
        for task in prepared.tasks(split)
    )
    documents = (vocabulary.encode([text])[0] for text in prepared.validation(split))
    rows, length = profile.validation_rows, profile.sizes["sequence"]
    held = validation.hold(
        documents, rows, length, vocabulary.token_bytes, group=profile.audited_rows
    )
    return Exam(prepared=prepared, papers=papers, held=held, padding=vocabulary.bos)


def _measure(arena: Arena, exam: Exam, seed: int) -> Sample:
    seconds, weights = _train(arena, exam, Phase.TRAIN, seed)
    with _asked(arena, exam, seed, weights) as (candidate, questioner):
        marks = [questioner.mark(paper) for paper in exam.papers]
        losses = validation.score(questioner, exam.held)
        inference = candidate.told_seconds
    metrics = {
        "core_error": core_error(marks),
        "bpb": exam.held.bits_per_byte(losses),
        "training": seconds,
        "training_share": seconds / arena.request.limits.wall["train"],
        "inference": inference,
        **{f"accuracy_{mark.label}": mark.accuracy for mark in marks},
        **{f"centred_{mark.label}": mark.centred for mark in marks},
        **{f"{CHANCE}{mark.label}": mark.chance for mark in marks},
    }
    if arena.request.evaluation.purpose in AUDITED:
        metrics |= _audit(arena, exam, seed, weights, losses)
    return Sample(
        seed=seed,
        score=core(marks),
        counts=_counts(marks),
        metrics=metrics,
        items={mark.label: mark.told for mark in marks},
    )


def _audit(
    arena: Arena, exam: Exam, seed: int, weights: Sealed, losses: Sequence[Losses]
) -> dict[str, float]:
    with _asked(arena, exam, seed, weights) as (_, questioner):
        secret = arena.request.derive("audit", seed)
        verdict = validation.audit(questioner, exam.held, losses, secret)
    return {"bpb_audited": float(verdict.rows), "bpb_moved": float(verdict.moved)}


def _train(arena: Arena, exam: Exam, phase: Phase, seed: int) -> tuple[float, Sealed]:
    with arena.spawn(
        phase,
        seed=seed,
        data=lambda folder: data.stage(exam.prepared, folder),
        ranks=exam.prepared.profile.ranks,
    ) as trainee:
        trainee.until_ready()
        trainee.go()
        weights = trainee.until_done()
    return trainee.seconds, weights


@contextmanager
def _asked(
    arena: Arena, exam: Exam, seed: int, weights: Sealed
) -> Iterator[tuple[Candidate, Questioner]]:
    profile = exam.prepared.profile
    secret = arena.request.derive("order", seed)
    with arena.spawn(
        Phase.INFER, seed=seed, weights=weights, wall=_inference_wall(arena)
    ) as candidate:
        candidate.until_ready()
        candidate.go()
        yield (
            candidate,
            Questioner(
                candidate=candidate,
                vocabulary=profile.sizes["vocabulary"],
                padding=exam.padding,
                most_tokens=profile.question_tokens,
                most_bytes=profile.question_bytes,
                random=np.random.default_rng(int.from_bytes(secret, "little")),
                device=profile.device,
            ),
        )


def _counts(marks: Sequence[Mark]) -> dict[str, int]:
    """Items asked, and those that were answered right without a tie."""
    alone = [sum(credit == Fraction(1) for credit in mark.credits) for mark in marks]
    return {"right": sum(alone), "asked": sum(len(mark.credits) for mark in marks)}


def _prepared(arena: Arena) -> Prepared:
    request = arena.request
    prepared = data.open_prepared(profile_named(request.task.profile), Path(request.data_dir))
    require_world(request, prepared.world)
    return prepared


def _inference_wall(arena: Arena) -> float:
    limit = arena.request.limits.wall["inference"]
    seed_recipe = arena.request.reference("inference")
    if seed_recipe is None:
        return limit
    return min(limit, max(SHORTEST_INFERENCE, SLOWER_INFERENCE * seed_recipe))
