"""How many random single edits of parameter_golf's seed recipe the cap on bytes stops.

Moves and turns of single knobs, drawn at random, are trained and weighed by the real evaluator
in the cpu profile, for half of its time, and not predicted with. An edit is blocked if it
outgrows the seed recipe by more bytes than the cap leaves that: half-trained weights are a
little smaller than whole ones, the seed recipe's like all others.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from benchmarks.evolve_table import Bench, Look, design
from benchmarks.report import Report, Row

from autores.plugins.agents.evolve.genome import Edit
from autores.records import Limits, Task
from autores.tasks.parameter_golf import plugin

EDITS, SEEDS = 36, 4
TRAIN_SECONDS = 12.0
HEADROOM = 0.01
"""Of the cap, that the seed recipe leaves when it is trained for the whole time."""


class Scales:
    """The task's plugin with less time, and none to predict."""

    __name__ = plugin.__name__

    def autores_task(self, profile: str) -> Task:
        """As it is."""
        return plugin.autores_task(profile)

    def autores_budget(self, task: Task) -> Limits:
        """Weighing comes before predicting; twice the cap is weighed."""
        limits = plugin.autores_budget(task)
        wall = {**limits.wall, "train": TRAIN_SECONDS, "inference": 0.01}
        del wall["smoke"]
        return replace(limits, wall=wall)


def singles(bench: Bench) -> Iterator[tuple[Edit, ...]]:
    """Edits of one gene each, in random order."""
    return (edits for edits in design(bench) if len(edits) == 1)


def weigh(bench: Bench) -> tuple[list[Look], list[Look]]:
    """Looks at the seed recipe, and at edits of it that came to be weighed."""
    edited = filter(None, map(bench.look, singles(bench)))
    found = list(islice((look for look in edited if look.bytes), EDITS))
    seeds = [look for _ in range(SEEDS) if (look := bench.look(())) is not None]
    return seeds, found


def run() -> Report:
    """Measure in a world of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        bench = Bench("parameter_golf", "cpu", folder)
        bench.plugin = Scales()
        seeds, edited = weigh(bench)
    usual = statistics.median(look.bytes for look in seeds)
    cap = plugin.autores_budget(plugin.autores_task("cpu")).artifact_bytes
    blocked = [look for look in edited if look.bytes > usual + HEADROOM * cap]
    return Report(
        title=f"Bytes of single edits, cap {cap:,}",
        rows=[
            Row(name="seed recipe, half trained", value=usual, unit="B", samples=len(seeds)),
            Row(
                name="the same, largest less smallest",
                value=max(s.bytes for s in seeds) - min(s.bytes for s in seeds),
                unit="B",
                samples=len(seeds),
            ),
            Row(
                name="single edits that are blocked",
                value=len(blocked) / len(edited),
                unit="of 1",
                samples=len(edited),
            ),
        ],
        notes=[f"Blocked: {', '.join(_told(look, usual) for look in blocked)}."],
    )


def _told(look: Look, usual: float) -> str:
    (edit,) = look.edits
    return f"{edit.gene} {edit.old} → {edit.new} ({look.bytes - usual:+,.0f})"
