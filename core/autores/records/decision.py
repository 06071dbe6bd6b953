"""What a policy asks for and concludes, what it starts from, and what a run may cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from autores.records.evaluation import Purpose
from autores.status import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Measurements that a policy asks for before it decides."""

    trials: tuple[int, ...]
    """One trial: fresh looks at it. Two: interleaved pairs, A-B-B-A."""
    looks: int
    """Fresh looks, or pairs."""
    purpose: Purpose = Purpose.CONFIRM


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval with its confidence."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a policy concluded, and on what grounds."""

    verdict: Verdict
    policy: str
    reason: str = ""
    against: int | None = None
    """The incumbent that it was compared with."""
    estimate: float | None = None
    """Gain over the incumbent in the metric's unit, positive is better."""
    interval: Interval | None = None
    error_spent: float = 0.0
    requests: tuple[Request, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    """Whatever the policy wants to find again at its next look at this trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the seed recipe measured, on this hardware in this world."""

    task: str
    profile: str
    world: str = ""
    hardware: str = ""
    score: float | None = None
    spread: float = 0.0
    degrees_of_freedom: float = 0.0
    feasible: bool = True
    autocorrelation: float = 0.0
    references: Mapping[str, float] = field(default_factory=dict)
    """What the task compares later trials with: seconds of preparation, bytes, …"""
    thresholds: Mapping[str, str] = field(default_factory=dict)
    """Gate name to its exact threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the user allows a run; None is no limit."""

    trials: int | None = None
    deadline: float | None = None
    """UNIX time at which the run ends."""
    wall: float | None = None
    """Seconds of evaluation."""
    tokens: int | None = None
    dollars: float | None = None
    gpu_seconds: float | None = None
    idle_seconds: float | None = None
    """End after so long without an improvement."""
    idle_trials: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something used. Adds up."""

    seconds: float = 0.0
    """Of evaluation."""
    gpu_seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    dollars: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    @property
    def tokens(self) -> int:
        """All tokens, cached or not."""
        fresh = self.input_tokens + self.output_tokens
        return fresh + self.cache_read_tokens + self.cache_write_tokens
