"""Task `nanochat`: the best CORE from a small language model in a fixed time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autores import hookimpl
from autores.evaluator.arena import Arena
from autores.evaluator.request import EvaluationRequest
from autores.moves import Move
from autores.records import (
    Direction,
    Lease,
    Limits,
    Metric,
    Outcome,
    Recipe,
    Submission,
    Task,
    Tree,
    Violation,
)
from autores.tasks.nanochat import data, legality, moves, tools
from autores.tasks.nanochat.conditions import beyond_items
from autores.tasks.nanochat.evaluate import evaluate
from autores.tasks.nanochat.profiles import PROFILES, profile_named
from autores.tools import Tool
from autores.verify import Check

NAME = "nanochat"
_HERE = Path(__file__).resolve().parent
SURFACES = {
    "architecture": ("model.py",),
    "optimizer": ("optim.py",),
    "schedule": ("schedule.py",),
    "data": ("data.py",),
    "systems": ("kernels.py", "train.py"),
    "inference": ("serve.py",),
}


@hookimpl
def autores_task(profile: str) -> Task:
    chosen = profile_named(profile)
    return Task(
        name=NAME,
        title=f"CORE of a language model of depth {chosen.sizes['depth']} in a fixed time",
        metric=Metric(name="core", direction=Direction.MAXIMIZE, noise=chosen.noise),
        recipe=Recipe(
            path=str(_HERE / "recipe"), editable=("*.py",), surfaces=SURFACES, may_add_files=True
        ),
        profile=chosen.name,
        profiles=tuple(PROFILES),
        sizes=chosen.sizes,
        seeds=chosen.seeds,
        calibration_looks=chosen.looks,
        owners={"schedule": "schedule"},  # not the optimizer's here
        knowledge=tuple(str(p) for p in sorted((_HERE / "knowledge").glob("*.md"))),
        default_specialists=("arch", "optim", "data", "schedule", "systems"),
        distributions=("numpy", "torch", "tokenizers", "pyarrow"),
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
        memory_bytes=profile.memory_bytes,
        cpus=profile.cpus,
        gpus=profile.gpus,
        lease=Lease.DEVICE if profile.gpus else Lease.HOST,
    )


@hookimpl
def autores_legality(task: Task, submission: Submission, tree: Tree) -> Iterable[Violation]:
    if task.name != NAME:
        return ()
    return tuple(legality.check_tree(tree, profile_named(task.profile)))


@hookimpl
def autores_evaluate(request: EvaluationRequest, tree: Tree, arena: Arena) -> Outcome:
    return evaluate(arena, tree)


@hookimpl
def autores_tools(task: Task) -> Iterable[Tool]:
    return tools.TOOLS if task.name == NAME else ()


@hookimpl
def autores_moves(task: Task) -> Iterable[Move]:
    return moves.MOVES if task.name == NAME else ()


@hookimpl
def autores_conditions(trial: tuple[Outcome, ...], against: tuple[Outcome, ...]) -> Iterable[Check]:
    return (beyond_items(trial, against),)


@hookimpl
def autores_certification(task: Task, data_dir: Path) -> str:
    prepared = data.open_prepared(profile_named(task.profile), data_dir)
    if prepared.source == data.GENERATED:
        return "questions and text of the same world that were drawn apart from all others"
    return "items of CORE that the run did not ask, and the held-out documents that it did not see"
