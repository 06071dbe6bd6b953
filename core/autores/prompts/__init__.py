"""What every session of a task is told before anything else: the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources

from autores.fence import RULE
from autores.records import Limits, Task


def shared(task: Task, limits: Limits | None, knowledge: tuple[str, ...] = ()) -> str:
    """The part of the system prompt that does not depend on the specialist.

    Args:
        task: In its profile.
        limits: Of one evaluation.
        knowledge: The task's documents.
    """
    parts = (*knowledge, _text("rules.md"), _text("statuses.md"), _of_task(task, limits), RULE)
    return "\n\n".join(part.strip() for part in parts if part.strip())


@cache
def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _of_task(task: Task, limits: Limits | None) -> str:
    return "\n".join(_lines(task, limits))


def _lines(task: Task, limits: Limits | None) -> Iterator[str]:
    metric, recipe = task.metric, task.recipe
    yield f"# The task: {task.title}"
    yield ""
    unit = f" ({metric.unit})" if metric.unit else ""
    yield f"- Score: {metric.name}{unit}, to be {metric.direction.value}d."
    yield f"- Seeds of one measurement: {task.seeds}."
    for gate in task.gates:
        least = gate.at_least or "what the seed recipe's calibration says"
        yield f"- Gate {gate.name}: {gate.hits} of {gate.total} must be at least {least}."
    yield f"- Editable files: {', '.join(recipe.editable)}."
    if recipe.protected:
        yield f"- Protected files: {', '.join(recipe.protected)}."
    yield f"- New files: {'allowed' if recipe.may_add_files else 'not allowed'}."
    for surface, where in sorted(recipe.surfaces.items()):
        yield f"- Surface {surface}: {', '.join(where)}."
    if limits is not None:
        yield from _of_limits(limits)


def _of_limits(limits: Limits) -> Iterator[str]:
    for phase, seconds in limits.wall.items():
        yield f"- Limit of {phase}: {seconds:g} s."
    yield f"- Limit of the artifact: {limits.artifact_bytes:,} bytes."
    yield f"- Limit of memory: {limits.memory_bytes / 2**30:g} GiB; GPUs: {limits.gpus}."
