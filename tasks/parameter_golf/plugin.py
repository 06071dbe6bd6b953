"""Task `parameter_golf`: fewest bits per byte of unseen text from a small artifact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from autores import hookimpl
from autores.agent import Section, SessionBrief
from autores.evaluator.arena import Arena
from autores.evaluator.request import EvaluationRequest
from autores.lineage.view import LineageView
from autores.moves import Move
from autores.records import (
    Debt,
    Direction,
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
from autores.tasks.parameter_golf import context, data, legality, moves, tools
from autores.tasks.parameter_golf.conditions import least_effect
from autores.tasks.parameter_golf.evaluate import evaluate
from autores.tasks.parameter_golf.packing import ENTRY
from autores.tasks.parameter_golf.profiles import PROFILES, profile_named
from autores.tools import Tool
from autores.verify import Check

NAME = "parameter_golf"
_HERE = Path(__file__).resolve().parent
_SYMBOLS: Mapping[str, str] = {
    "architecture": "width_scale depth_extra query_share mlp_ratio leak rope_share rope_base"
    " query_gain softcap rms rotary rotate attend choose_threads Attention Mlp Block Model precision fast",
    "embedding": "embed_std embed_mix Embedding",
    "optimizer": "matrix_lr embed_lr vector_lr momentum newton_steps beta1 beta2 orthogonal Muon"
    " Optimizer is_matrix gradients",
    "schedule": "warmup warmdown final_lr batch_scale reserve least_reserve most_reserve lr_factor train shared_progress"
    " train_phase warm main",
    "curriculum": "short_until short_scale read_tokens sequence_length Batches",
    "loss": "z_loss losses",
    "regularization": "matrix_decay embed_decay clip_norm ema_decay Average",
    "quantization": "matrix_bits embed_bits clips rate_weight damping calibration_batches"
    " second_moments largest row_scales rounded entropy best_scales gptq quantise is_coded",
    "coding": "PRECISION SYMBOLS frequencies encode decode width_for rows_of pack unpack account",
    "adaptation": "ttt_lr ttt_epochs ttt_momentum ttt_rows ttt_context ttt_columns Adapter.learn",
    "inference": "window_scale temperature Adapter infer_phase",
}
SURFACES = {
    surface: tuple(f"{ENTRY}::{name}" for name in names.split())
    for surface, names in _SYMBOLS.items()
} | {"process": (f"{ENTRY}::",)}
OWNERS: Mapping[str, str] = {
    "process": "optim",  # what runs at once and binds no name
    "embedding": "tokenizer",
    "curriculum": "curriculum",
    "quantization": "quant",
    "coding": "quant",
    "adaptation": "ttt",
    "inference": "eval",
}
_PUBLISHED_NOISE = NoisePrior(sd=0.001, degrees_of_freedom=4)
"""Of the same seed run again, as documented with the published runs."""


@hookimpl
def autores_task(profile: str) -> Task:
    chosen = profile_named(profile)
    return Task(
        name=NAME,
        title=f"Parameter Golf: bits per byte within {chosen.artifact_bytes:,} bytes",
        metric=Metric(
            name="bits_per_byte",
            direction=Direction.MINIMIZE,
            unit="bpb",
            noise=_PUBLISHED_NOISE if chosen.real_only else None,
        ),
        recipe=Recipe(path=str(_HERE / "recipe"), editable=(ENTRY,), surfaces=SURFACES),
        profile=chosen.name,
        profiles=tuple(PROFILES),
        sizes=chosen.sizes,
        seeds=chosen.seeds,
        calibration_looks=chosen.looks,
        debts=(Debt(name="the audit", owed="audit_due", paid="audited"),),
        owners=OWNERS,
        knowledge=tuple(str(p) for p in sorted((_HERE / "knowledge").glob("*.md"))),
        default_specialists=(
            *("arch", "optim", "tokenizer", "quant", "ttt"),
            *("curriculum", "loss", "reg", "eval", "meta"),
        ),
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
        artifact_bytes=profile.artifact_bytes,
        memory_bytes=(512 if profile.gpus > 1 else 96 if profile.gpus else 4) << 30,
        disk_bytes=4 << 30,
        gpus=profile.gpus,
        lease=Lease.DEVICE if profile.gpus else Lease.HOST,
    )


@hookimpl
def autores_legality(task: Task, submission: Submission, tree: Tree) -> Iterable[Violation]:
    return tuple(legality.check_tree(tree)) if task.name == NAME else ()


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
def autores_context(view: LineageView, session: SessionBrief) -> Iterable[Section]:
    return context.sections(view, session) if view.task.name == NAME else ()


@hookimpl
def autores_conditions(trial: tuple[Outcome, ...], against: tuple[Outcome, ...]) -> Iterable[Check]:
    return (least_effect(trial, against),)


@hookimpl
def autores_certification(task: Task, data_dir: Path) -> str:
    prepared = data.open_prepared(profile_named(task.profile), data_dir)
    if prepared.source == "generated":
        return "a withheld shard of documents from the same world"
    return "a withheld part of FineWeb's validation documents"
