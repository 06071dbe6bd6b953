"""All of an analysis together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autores.analysis import failures, fronts, ideas, progress, worth
from autores.readmodel import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """Whether those who proposed knew what would happen."""

    pairs: int
    """Trials that said what they expect, and were measured."""
    right_signs: float | None
    """Share that moved the way that they expected."""
    promises: int
    kept_promises: int
    slope: float | None
    """Measured gain per expected gain; 1 would be calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What one run teaches."""

    trials: int
    metric: str
    statuses: Mapping[str, int]
    steered: int
    """How often a person changed its course."""
    bests: tuple[progress.Step, ...]
    leads: tuple[progress.Step, ...]
    quarters: tuple[progress.Quarter, ...]
    specialists: tuple[worth.Worth, ...]
    surfaces: tuple[worth.Worth, ...]
    reaches: tuple[ideas.Reach, ...]
    repairs_by_citation: tuple[failures.RepairChain, ...]
    repairs_by_ancestry: tuple[failures.RepairChain, ...]
    near_misses: tuple[failures.NearMiss, ...]
    foresight: Foresight
    duplicates: tuple[ideas.Duplicate, ...]
    fronts: tuple[fronts.Front, ...]


def analyse(story: Story) -> Analysis:
    """Read a trajectory."""
    trials = story.trials.values()
    return Analysis(
        trials=story.submitted,
        metric=story.task.metric.name,
        statuses={progress.named(status): count for status, count in story.statuses.items()},
        steered=sum(event.kind == "steered" for event in story.notes),
        bests=progress.bests(story),
        leads=progress.leads(story),
        quarters=progress.quarters(story),
        specialists=worth.by_specialist(story),
        surfaces=worth.by_surface(story),
        reaches=ideas.reaches(trials),
        repairs_by_citation=failures.repair_chains(story, cited=True),
        repairs_by_ancestry=failures.repair_chains(story, cited=False),
        near_misses=failures.near_misses(story),
        foresight=_foresight(story),
        duplicates=ideas.duplicates(trials),
        fronts=fronts.fronts(story),
    )


def _foresight(story: Story) -> Foresight:
    known = story.foresight
    pairs = len(known.pairs)
    return Foresight(
        pairs=pairs,
        right_signs=known.right_signs / pairs if pairs else None,
        promises=known.promised,
        kept_promises=known.kept_promises,
        slope=known.slope,
    )
