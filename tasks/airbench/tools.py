"""What agents may ask about their edited recipe before they submit it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autores.fence import fence
from autores.tasks.airbench.legality import ENTRY
from autores.tools import ToolContext, ToolRefused, tool

PROBE = "probe.py"
SECONDS = 120.0
MOST_STEPS = 200
FEW_STEPS = 5
_PROBE = Path(__file__).with_name(PROBE)


@tool()
async def param_count(context: ToolContext) -> str:
    """Count the parameters of the nets that your recipe builds in this profile."""
    return _counted(await _ask(context, "count"))


@tool()
async def recipe_check(context: ToolContext) -> str:
    """Parameters, steps, about how many seconds training will take, and which knobs you changed.

    It only informs. The seconds come from a few steps at low priority: compare them with
    those of another recipe, not with scores.
    """
    source = context.workspace.read_bytes(ENTRY)
    counted, timed = await _ask(context, "count"), await _ask(context, "profile", str(FEW_STEPS))
    steps, each = timed["steps"], timed["seconds_per_step"]
    seconds = f"{steps:,} steps of {1000 * each:.1f} ms: about {steps * each:.1f} s of training"
    seed = Path(context.task.recipe.path, ENTRY).read_bytes()
    return "\n".join([_counted(counted), seconds + _measured(context), _knobs(source, seed)])


@tool(narrow="Ask for fewer steps.")
async def profile(context: ToolContext, steps: int = 20) -> str:
    """Time some training steps on synthetic pictures: seconds, operators, memory, input stall.

    Args:
        steps: How many; at most 200.
    """
    found = await _ask(context, "profile", str(max(1, min(steps, MOST_STEPS))))
    speed = (
        f"{1000 * found['seconds_per_step']:.1f} ms per step of {found['batch']:,} pictures, "
        f"{found['pictures_per_second']:,.0f} pictures/s in {found['precision']}"
    )
    shares = (f"  {100 * share:5.1f} %  {name}" for name, share in found["shares"].items())
    return "\n".join(
        [
            speed,
            f"waiting for augmented pictures: {100 * found['input_share']:.0f} %",
            f"most memory: {found['peak_memory_bytes'] / 2**20:,.0f} MiB",
            "where the time goes:",
            *shares,
        ]
    )


@tool()
async def smoke(context: ToolContext) -> str:
    """Run your recipe from end to end on noise: three steps, the artifact, one batch of answers."""
    found = await _ask(context, "smoke")
    wanted = [context.task.sizes["test_batch"], 10]
    complaints = []
    if found["answered"] != wanted:
        complaints.append(f"it answered {found['answered']} instead of {wanted}")
    if not found["finite"]:
        complaints.append("its answers are not finite numbers")
    if not found["artifact_bytes"]:
        complaints.append("it handed over no artifact")
    took = ", ".join(f"{name.replace('_', ' ')} {s:.2f} s" for name, s in found["seconds"].items())
    verdict = f"it would fail: {'; '.join(complaints)}" if complaints else "it runs"
    return f"{verdict}; artifact of {found['artifact_bytes']:,} bytes; {took}"


async def _ask(context: ToolContext, question: str, *rest: str) -> dict[str, Any]:
    """The probe's answer; what a broken recipe printed is the refusal."""
    sizes = json.dumps(dict(context.task.sizes))
    argv = ("python", PROBE, ".", question, sizes, *rest)
    said = await context.jobs.probe(argv, files={PROBE: _PROBE.read_bytes()}, seconds=SECONDS)
    answer = next((line for line in reversed(said.splitlines()) if line.startswith("{")), "")
    try:
        found = json.loads(answer)
    except ValueError:
        raise ToolRefused(fence(said, f"what running {ENTRY} printed")) from None
    if "error" in found:
        raise ToolRefused(str(found["error"]))
    return dict(found)


def _counted(found: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{name} net: {net['parameters']:,} parameters, {net['trained']:,} of them trained"
        for name, net in found.items()
    )


def _measured(context: ToolContext) -> str:
    calibration = context.view.calibration
    seconds = calibration.references.get("training") if calibration else None
    return "" if seconds is None else f" (the seed recipe was measured at {seconds:.1f} s)"


def _knobs(source: bytes, seed: bytes) -> str:
    mine, before = knobs(source), knobs(seed)
    changed = [
        f"{name} {before.get(name, 'new')} → {mine.get(name, 'gone')}"
        for name in sorted(mine.keys() | before.keys())
        if mine.get(name) != before.get(name)
    ]
    others = [f"{name} {value}" for name, value in mine.items() if before.get(name) == value]
    return f"knobs unlike the seed's: {', '.join(changed) or 'none'}\nothers: {', '.join(others)}"


def knobs(source: bytes) -> dict[str, str]:
    """The plain numbers and words at the top of a recipe.

    Raises:
        ToolRefused: It is not Python.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        raise ToolRefused(f"{ENTRY} is not Python: {error}") from None
    return {
        ast.unparse(node.targets[0]): ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.Assign) and not any(map(_is_code, ast.walk(node.value)))
    }


def _is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.Name | ast.Lambda)


TOOLS = (param_count, recipe_check, profile, smoke)
