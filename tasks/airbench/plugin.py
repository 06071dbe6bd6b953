"""Task `airbench`: train an image classifier to an accuracy in as few seconds as possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from autores import hookimpl
from autores.evaluator.arena import Arena
from autores.evaluator.request import EvaluationRequest
from autores.moves import Move
from autores.records import (
    Direction,
    Gate,
    Lease,
    Limits,
    Metric,
    NoisePrior,
    Outcome,
    Recipe,
    Submission,
    Task,
    Tree,
    Violation,
)
from autores.tasks.airbench import data, legality
from autores.tasks.airbench.conditions import newer_pictures
from autores.tasks.airbench.evaluate import evaluate
from autores.tasks.airbench.moves import MOVES
from autores.tasks.airbench.profiles import PROFILES, profile_named
from autores.tasks.airbench.tools import TOOLS
from autores.tools import Tool
from autores.verify import Check

_HERE = Path(__file__).resolve().parent
_SYMBOLS: Mapping[str, str] = {
    "architecture": "logit_scale whiten_eps whiten_share depth bn_momentum BatchNorm Conv Group"
    " Group.forward Net Net.forward"
    " build compiled fastest_precision",
    "optimizer": "lr momentum weight_decay bias_scaler SGD SGD.step update",
    "schedule": "epochs_scale warmup start_factor end_factor lr_factor count_steps train"
    " train_phase synthetic synchronise",
    "augmentation": "flip translate cutout MEAN STD normalise random_crop random_cutout"
    " mirrored_sides batches",
    "loss": "label_smoothing keep proxy_every losses choose_examples update",
    "regularization": "ema_every ema_decay ema_power lookahead_decay Lookahead SGD.step"
    " Group.forward Net.forward",
    "inference": "tta mirrored predict infer_phase",
}
SURFACES = {
    surface: tuple(f"train.py::{name}" for name in names.split())
    for surface, names in _SYMBOLS.items()
}
_PUBLISHED_NOISE = NoisePrior(sd=0.19, degrees_of_freedom=9)
"""Of a mean over ten processes, as documented with the published runs."""


@hookimpl
def autores_task(profile: str) -> Task:
    chosen = profile_named(profile)
    return Task(
        name="airbench",
        title="CIFAR-10 to an accuracy, as fast as possible",
        metric=Metric(
            name="seconds",
            direction=Direction.MINIMIZE,
            unit="s",
            format=".3f",
            noise=_PUBLISHED_NOISE if chosen.real_only else None,
        ),
        recipe=Recipe(path=str(_HERE / "recipe"), editable=("train.py",), surfaces=SURFACES),
        profile=chosen.name,
        profiles=tuple(PROFILES),
        sizes=chosen.sizes,
        seeds=chosen.seeds,
        calibration_looks=chosen.looks,
        gates=(
            Gate(
                name="accuracy",
                hits="right",
                total="asked",
                at_least=chosen.gate,
                slack=1.6,
                proof_looks=3,
                proof_margin="0.0005",
            ),
        ),
        knowledge=tuple(str(p) for p in sorted((_HERE / "knowledge").glob("*.md"))),
        default_specialists=("arch", "optim", "augment", "loss", "reg"),
        distributions=("numpy", "torch"),
    )


@hookimpl
def autores_prepare(task: Task, data_dir: Path) -> str:
    return data.prepare(profile_named(task.profile), data_dir).world


@hookimpl
def autores_budget(task: Task) -> Limits:
    profile = profile_named(task.profile)
    return Limits(
        wall=profile.wall,
        artifact_bytes=profile.seed_bytes * 5 // 4,
        memory_bytes=(64 if profile.gpus else 4) << 30,
        gpus=profile.gpus,
        cpus=profile.cpus,
        lease=Lease.DEVICE if profile.gpus else Lease.HOST,
    )


@hookimpl
def autores_legality(task: Task, submission: Submission, tree: Tree) -> Iterable[Violation]:
    if task.name != "airbench":
        return ()
    return (*legality.check_tree(tree), *legality.check_effect(tree, task.sizes))


@hookimpl
def autores_tools(task: Task) -> Iterable[Tool]:
    return TOOLS if task.name == "airbench" else ()


@hookimpl
def autores_moves(task: Task) -> Iterable[Move]:
    return MOVES if task.name == "airbench" else ()


@hookimpl
def autores_evaluate(request: EvaluationRequest, tree: Tree, arena: Arena) -> Outcome:
    return evaluate(arena)


@hookimpl
def autores_conditions(trial: tuple[Outcome, ...], against: tuple[Outcome, ...]) -> Iterable[Check]:
    return newer_pictures(trial, against)


@hookimpl
def autores_certification(task: Task, data_dir: Path) -> str | None:
    return data.certification(profile_named(task.profile), data_dir)
