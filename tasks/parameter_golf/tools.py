"""Tools for agents: bytes, parameters, speed, and a trial run on synthetic tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autores.records import Trial
from autores.tasks.parameter_golf.context import curve
from autores.tasks.parameter_golf.packing import ENTRY, packed
from autores.tasks.parameter_golf.profiles import profile_named
from autores.tools import Tool, ToolContext

PROBE = "golf_probe.py"
_SOURCE = Path(__file__).with_name("probe.py")
SECONDS = 60.0


async def _size_project(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    """Pack the code now, and take the weights of the parent's record."""
    limit = profile_named(context.task.profile).artifact_bytes
    code = len(packed(context.workspace.read_bytes(ENTRY))) + len(ENTRY)
    parent: Trial = context.view.trial(context.session.brief.parent)
    if parent.artifact is None:
        return f"code {code:,} bytes of {limit:,}; the parent's weights were never weighed"
    weights = int(arguments.get("weight_bytes", parent.artifact.weight_bytes))
    whose = "as you say" if "weight_bytes" in arguments else "as the parent's"
    headroom = limit - code - weights
    verdict = "free" if headroom >= 0 else "too many: it would be blocked"
    return (
        f"code {code:,} (parent {parent.artifact.code_bytes:,}) + weights {weights:,} ({whose}) = "
        f"{code + weights:,} of {limit:,}: {abs(headroom):,} bytes {verdict}"
    )


async def _probe(context: ToolContext, question: str) -> str:
    sizes = json.dumps(dict(context.task.sizes))
    return await context.jobs.probe(
        ("python", PROBE, question, sizes), files={PROBE: _SOURCE.read_bytes()}, seconds=SECONDS
    )


async def _param_count(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    return await _probe(context, "count")


async def _profile(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    return await _probe(context, "profile")


async def _smoke(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    return await _probe(context, "smoke")


async def _curves(context: ToolContext, arguments: Mapping[str, Any]) -> str:
    """The losses of a trial and of its parent, side by side in time."""
    view = context.view
    trial = view.trial(int(arguments["trial"]))
    numbers = [trial.id] if trial.parent is None else [trial.id, trial.parent]
    lines = []
    for number in numbers:
        points = [
            p
            for look in view.looks(number)
            if look.outcome is not None
            for m in look.outcome.measurements
            if m.phase == "train"
            for p in m.points
        ]
        told = ", ".join(f"{seconds:.1f}s {loss:.3f}" for seconds, loss in curve(points))
        lines.append(f"trial {number}: {told or 'no curve'}")
    return "\n".join(lines)


TOOLS = (
    Tool(
        name="size_project",
        description="Pack the code as it is now and add the parent's weights: bytes, and how many "
        "are left under the limit. Give weight_bytes if your edit changes the weights.",
        run=_size_project,
        parameters={"weight_bytes": {"type": "integer", "minimum": 0}},
    ),
    Tool(
        name="param_count",
        description="Parameters by part of the model as it is now, and bytes at the present bits.",
        run=_param_count,
    ),
    Tool(
        name="profile",
        description="Time some training steps on synthetic tokens: steps and tokens per second, "
        "and the operators that take most of it.",
        run=_profile,
    ),
    Tool(
        name="smoke",
        description="Train four steps on synthetic tokens, quantise, pack, unpack and predict: "
        "says where it breaks. The bytes that it prints say little of a trained model's.",
        run=_smoke,
    ),
    Tool(
        name="curves",
        description="The training loss of a trial and of its parent at twenty times.",
        run=_curves,
        parameters={"trial": {"type": "integer", "minimum": 0}},
        required=("trial",),
    ),
)
