"""What the lineage says to a search: for each trial its genome, and how it did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from autores.plugins.agents.evolve.genome import Edit, Genome, Notes, decode
from autores.records import Calibration, Gate, Phase, Task, Trial
from autores.status import Cause, Status


class Fate(Enum):
    """What became of a trial, as far as search cares."""

    PENDING = "pending"
    MEASURED = "measured"
    """It has a score."""
    MISSED = "missed"
    """It ran and missed a gate or a limit: a near miss, if it was good."""
    BROKEN = "broken"
    """It did not run to the end: by chance of its values, or always."""
    REFUSED = "refused"
    """The gates refused it; they would again."""


_MISSED = {
    Cause.GATE: "",
    Cause.ARTIFACT_BYTES: "bytes",
    Cause.TRAIN_TIME: "seconds",
    Cause.PREPARE_TIME: "seconds",
    Cause.INFERENCE_TIME: "seconds",
}
_REFUSED = (Cause.ILLEGAL, Cause.SYNTAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How far above a gate, in its own unit; negative is a miss."""

    value: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One trial."""

    id: int
    parent: int | None = None
    genome: Genome
    edits: tuple[Edit, ...] = ()
    operator: str = ""
    fate: Fate = Fate.MEASURED
    cause: Cause | None = None
    score: float | None = None
    """The raw score, also of a trial that missed a gate."""
    looks: int = 1
    leading: bool = False
    """It is, or was, ahead: baseline, lead or keep."""
    margins: Mapping[str, Margin] = field(default_factory=dict)
    """By gate."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """`bytes` of the artifact, `seconds` of evaluation."""
    over: str = ""
    """The resource whose limit it broke."""
    detail: str = ""

    @property
    def worst_gate(self) -> str:
        """The gate that it missed by most; empty where it missed none."""
        missed = {name: m.value / m.sd for name, m in self.margins.items() if m.value < 0}
        return min(missed, key=missed.__getitem__) if missed else ""


def observe(trial: Trial, notes: Notes, task: Task, calibration: Calibration | None) -> Observation:
    """A trial as an observation."""
    return Observation(
        id=trial.id,
        parent=trial.parent,
        genome=notes.genome,
        edits=notes.edits,
        operator=notes.operator,
        fate=fate_of(trial),
        cause=trial.cause,
        score=_raw_score(trial, task),
        looks=max(1, trial.looks),
        leading=trial.status in (Status.BASELINE, Status.LEAD, Status.KEEP),
        margins=dict(_margins(trial, task.gates, calibration)),
        resources=_resources(trial),
        over=_MISSED.get(trial.cause, "") if trial.cause else "",
        detail=trial.detail,
    )


def fate_of(trial: Trial) -> Fate:
    """What became of it."""
    if trial.cause is None and trial.phase is not Phase.FINISHED:
        return Fate.PENDING
    if trial.score is not None or trial.first_score is not None:
        return Fate.MEASURED if trial.cause is Cause.VALID else Fate.MISSED
    if trial.cause in _REFUSED:
        return Fate.REFUSED
    return Fate.MISSED if trial.cause in _MISSED else Fate.BROKEN


def _raw_score(trial: Trial, task: Task) -> float | None:
    if trial.score is not None:
        return trial.score
    name = task.metric.name
    if trial.cause in (Cause.VALID, Cause.GATE, Cause.ARTIFACT_BYTES):
        return trial.metrics.get(name, trial.metrics.get(f"unranked_{name}", trial.first_score))
    return None


def _margins(
    trial: Trial, gates: Iterable[Gate], calibration: Calibration | None
) -> Iterable[tuple[str, Margin]]:
    thresholds = calibration.thresholds if calibration else {}
    for gate in gates:
        threshold = gate.at_least or thresholds.get(gate.name)
        total = trial.counts.get(gate.total, 0)
        if threshold is None or not total:
            continue
        rate = trial.counts.get(gate.hits, 0) / total
        spread = math.sqrt(max(rate * (1 - rate), 1 / (total + 1)) / total)
        shortfall = gate.shortfall(trial.counts, threshold)
        yield gate.name, Margin(value=-shortfall / total, sd=spread)


def _resources(trial: Trial) -> dict[str, float]:
    found: dict[str, float] = {}
    if trial.artifact is not None:
        found["bytes"] = float(trial.artifact.total_bytes)
    if trial.cost.seconds and trial.looks:
        found["seconds"] = trial.cost.seconds / trial.looks
    return found


def notes_of(trial: Trial) -> Notes | None:
    """What this agent noted of a trial; None where another one made it."""
    if trial.parent is None:
        return Notes(operator="", edits=(), genome={})
    return decode(trial.submission.notes)
