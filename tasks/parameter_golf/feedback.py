"""What a failed trial is told, so that the next one can do better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autores.evaluator.arena import Arena, Failed
from autores.records import Artifact, Point
from autores.status import Cause
from autores.tasks.parameter_golf.early import EARLY, early_loss

PREFIX = "bytes_"
"""Under such names a recipe logs what takes how much of its artifact: its own account."""
_PHASES = {Cause.TRAIN_TIME: "train", Cause.INFERENCE_TIME: "inference", Cause.STALLED: "inference"}


def metrics(arena: Arena) -> dict[str, float]:
    """Bytes, speed, and the recipe's own account of its artifact."""
    found: dict[str, float] = {}
    if (artifact := arena.artifact) is not None:
        found |= {"code_bytes": artifact.code_bytes, "weight_bytes": artifact.weight_bytes}
    if (speed := _steps_per_second(arena)) is not None:
        found["steps_per_second"] = speed
    if (loss := early_loss(_points(arena), arena.request.limits.wall["train"])) is not None:
        found[EARLY] = loss
    return {**found, **_account(arena)}


def too_large(artifact: Artifact, limit: int, arena: Arena) -> str:
    """How many bytes over, and what has grown against the parent."""
    request = arena.request
    said = (
        _part("code", artifact.code_bytes, request.before("code_bytes")),
        _part("weights", artifact.weight_bytes, request.before("weight_bytes")),
    )
    grown = {
        name: size - before[0]
        for name, size in _account(arena).items()
        if (before := request.before(name)) is not None
    }
    text = f"{artifact.total_bytes - limit:,} bytes over {limit:,}: {', '.join(said)}"
    if grown:
        name, by = max(grown.items(), key=lambda item: item[1])
        text += f"; by its own account {name.removeprefix(PREFIX)} grew most, by {by:+,.0f}"
    return text


def explain(failure: Failed, arena: Arena) -> str:
    """The failure's words, and for a phase that was too slow how fast it was."""
    phase = _PHASES.get(failure.cause)
    if phase is None:
        return failure.detail
    request = arena.request
    usual = request.before(f"{phase}_seconds")
    text = f"{phase}: {failure.detail} (limit {request.limits.wall[phase]:g} s"
    text += f"; {usual[1]} took {usual[0]:.1f} s)" if usual is not None else ")"
    if phase == "train" and (speed := _steps_per_second(arena)) is not None:
        text += f"; {speed:.2f} steps/s"
        if (before := request.before("steps_per_second")) is not None:
            text += f", {before[1]} {before[0]:.2f}"
    return text


def _part(name: str, size: int, before: tuple[float, str] | None) -> str:
    grown = "" if before is None else f" ({size - before[0]:+,.0f} against {before[1]})"
    return f"{name} {size:,}{grown}"


def _points(arena: Arena) -> Sequence[Point]:
    """What the last training logged."""
    trained = [m.points for m in arena.measurements if m.phase == "train" and m.points]
    return trained[-1] if trained else ()


def _steps_per_second(arena: Arena) -> float | None:
    points = _points(arena)
    last = next((p for p in reversed(points) if "loss" in p.values), points[-1] if points else None)
    return last.step / last.seconds if last and last.seconds > 0 else None


def _account(arena: Arena) -> Mapping[str, float]:
    points = _points(arena)
    return {n: v for p in points for n, v in p.values.items() if n.startswith(PREFIX)}
