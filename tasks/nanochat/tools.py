"""Tools for agents: how long training will take, and how much of the allowed time that is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from autores.evaluator.trees import FileTree
from autores.fence import fence
from autores.records import Trial
from autores.tasks.nanochat import estimate
from autores.tasks.nanochat.profiles import Profile, parameters, profile_named
from autores.tools import ToolContext, tool

PROBE = "nanochat_probe.py"
_SOURCE = Path(__file__).with_name("probe.py")
MOST_SECONDS = 300.0


@tool()
async def profile(context: ToolContext) -> str:
    """Say what follows from your files as they are, at once and without a machine.

    The settings of optimizer and schedule, steps and batch, parameters and memory, and the
    share of the allowed training time that will be used, from what the parent took.
    """
    chosen = profile_named(context.task.profile)
    parent = context.view.trial(context.session.brief.parent)
    now = FileTree(_files(context))
    lines = [*_sizes(now, chosen), *_seconds(now, chosen, parent)]
    lines += [f"{path}: {_told(now, path)}" for path in ("optim.py", estimate.SCHEDULE)]
    return "\n".join(lines)


@tool()
async def profile_pipeline(context: ToolContext, steps: int = 5) -> str:
    """Time some training steps on made-up tokens and documents, in the sandbox.

    Says parameters, tokens per second, the share of reading and packing, the peak of memory,
    and the seconds that the whole training will take. Waits for a free machine.

    Args:
        steps: How many are timed; at most 50.
    """
    chosen = profile_named(context.task.profile)
    said = await context.jobs.probe(
        ("python", PROBE, json.dumps(dict(chosen.sizes)), str(max(1, min(steps, 50)))),
        files={PROBE: _SOURCE.read_bytes()},
        seconds=MOST_SECONDS,
    )
    try:
        found = json.loads(said.splitlines()[-1])
        return "\n".join(measured(found, chosen))
    except (ValueError, LookupError, TypeError):
        return fence(said, "what the recipe printed")


def measured(found: Mapping[str, float], chosen: Profile) -> Iterator[str]:
    """What a probe has measured, against what is allowed."""
    seed, share = parameters(chosen.sizes), found["input_seconds_per_step"]
    change = found["parameters"] / seed - 1
    flag = ", more than 5 %: say so in the hypothesis" if abs(change) > 0.05 else ""
    yield f"{found['parameters']:,} parameters ({change:+.1%} of the seed recipe's{flag})"
    yield (
        f"{found['steps']:,} steps of {found['batch']:,} tokens at "
        f"{found['seconds_per_step']:.3f} s, {share / found['seconds_per_step']:.0%} of it for "
        f"reading and packing: {found['tokens_per_second']:,.0f} tokens/s"
    )
    yield f"peak memory {found['peak_memory_bytes'] / 2**30:.2f} GiB"
    yield used(found["training_seconds"], chosen)


def used(seconds: float, chosen: Profile) -> str:
    """Seconds against the budget."""
    allowed = chosen.wall["train"]
    verdict = "too long" if seconds > allowed else "the rest is lost"
    return (
        f"about {seconds:,.0f} of {allowed:,.0f} s of training ({seconds / allowed:.0%}; {verdict})"
    )


def _files(context: ToolContext) -> dict[str, bytes]:
    workspace = context.workspace
    return {path: workspace.read_bytes(path) for path in workspace.list()}


def _sizes(tree: FileTree, chosen: Profile) -> Iterator[str]:
    found, count = estimate.horizon(tree, chosen.sizes), estimate.count(tree, chosen.sizes)
    if found is None or count is None:
        yield "the formulas of net or schedule were changed: use profile_pipeline"
        return
    precision = 2 if chosen.gpus else 4
    needed = estimate.memory(chosen.sizes, count, precision=precision) / 2**30
    yield f"{count:,} parameters; about {needed:.2f} GiB of {chosen.rank_bytes / 2**30:.0f}"
    yield f"{found.steps:,} steps of {found.batch:,} tokens, {found.tokens:,} together"


def _seconds(tree: FileTree, chosen: Profile, parent: Trial) -> Iterator[str]:
    took, tokens = parent.metrics.get("training"), parent.metrics.get("planned_tokens")
    if took is None:
        yield "the parent was never measured: use profile_pipeline"
        return
    yield f"the parent: {used(took, chosen)}"
    found = estimate.horizon(tree, chosen.sizes)
    if found is not None and tokens:
        yield f"at the parent's speed: {used(took * found.tokens / tokens, chosen)}"


def _told(tree: FileTree, path: str) -> str:
    if path not in tree:
        return "not there"
    found = estimate.settings(tree.read(path))
    return ", ".join(f"{name} = {value:g}" for name, value in found.items())


TOOLS = (profile, profile_pipeline)
