"""What is measured, and what came of it: finite wherever it is a number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from autores.records.task import Trust
from autores.status import Cause


class Purpose(Enum):
    """Why something is measured."""

    CALIBRATE = "calibrate"
    FIRST = "first"
    CONFIRM = "confirm"
    VERIFY = "verify"
    CERTIFY = "certify"


class Split(Enum):
    """Which held-out part is measured on."""

    EVALUATION = "evaluation"
    CERTIFICATION = "certification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One run of the evaluator, as it is known before it starts."""

    trial: int
    ordinal: int
    """0, 1, 2 … within the trial."""
    purpose: Purpose
    commit: str
    seeds: tuple[int, ...]
    split: Split = Split.EVALUATION
    pair: str = ""
    """The same word stands on both sides of an interleaved comparison."""
    attempt: int = 1
    job: str = ""
    owner: str = ""
    host: str = ""
    hardware: str = ""
    profile: str = ""
    world: str = ""
    trust: Trust = Trust.EVALUATED
    sandbox: str = ""

    @property
    def id(self) -> str:
        """`17.2`: the third evaluation of trial 17."""
        return f"{self.trial}.{self.ordinal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One line of a candidate's own log: a step and what it said of it. Untrusted."""

    step: int
    seconds: float
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One phase of one seed, as seen from outside."""

    phase: str
    seed: int
    wall: float
    cpu: float = 0.0
    preemptions: int = 0
    """How often it was taken off a processor that it would have used."""
    peak_memory: int = 0
    exit: int | None = None
    signal: int | None = None
    limit: str = ""
    """Which limit fired, if one did."""
    log: str = ""
    """Head and tail of what the candidate printed, escaped."""
    points: tuple[Point, ...] = ()

    def __post_init__(self) -> None:
        _require_finite(self, "wall", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one seed measured."""

    seed: int
    score: float
    counts: Mapping[str, int] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    """By part of an exam what came of each item, in order, a character each, for pairing."""

    def __post_init__(self) -> None:
        _require_finite(self, "score")
        _require_finite_values({f"metrics[{name!r}]": v for name, v in self.metrics.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What was weighed. The bytes themselves are kept for few trials only."""

    sha256: str
    code_bytes: int
    weight_bytes: int

    @property
    def total_bytes(self) -> int:
        """Code and weights together."""
        return self.code_bytes + self.weight_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the evaluator found. It has no status: that takes a decision.

    An unranked outcome keeps its numbers in `metrics` and `counts`; `score` is set only
    where the cause is valid, so that nothing can rank what must not be ranked.
    """

    cause: Cause
    score: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    artifact: Artifact | None = None
    containment: Mapping[str, str] = field(default_factory=dict)
    """The `level` of the sandbox, and who held each guarantee, as its probes showed."""
    detail: str = ""
    """One line for people and agents: what fired, by how much."""

    def __post_init__(self) -> None:
        if (self.score is not None) != (self.cause is Cause.VALID):
            raise ValueError(f"an outcome has a score if and only if it is valid: {self.cause}")
        if self.score is not None:
            _require_finite(self, "score")
        _require_finite_values({f"metrics[{name!r}]": v for name, v in self.metrics.items()})
        for name, count in self.counts.items():
            if type(count) is not int:
                raise ValueError(f"count {name!r} is not an integer: {count!r}")

    @property
    def wall(self) -> float:
        """Seconds of machine time over all phases and seeds."""
        return sum(m.wall for m in self.measurements)


def _require_finite(record: object, *names: str) -> None:
    kind = type(record).__name__
    _require_finite_values({f"{kind}.{name}": getattr(record, name) for name in names})


def _require_finite_values(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        number = isinstance(value, float | int) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(f"{name} is not a finite number: {value!r}")
