"""A task: what is improved, in which recipe, and what an evaluation may use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any


class Direction(Enum):
    """Which way a score improves."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    def gain(self, old: float, new: float) -> float:
        """How much better `new` is than `old`; positive is better."""
        return old - new if self is Direction.MINIMIZE else new - old


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePrior:
    """What a task knows of its noise before any calibration."""

    sd: float
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The number that a run improves."""

    name: str
    direction: Direction
    unit: str = ""
    format: str = ".4f"
    """A format specification for the number alone, as in `format(score, '.3f')`."""
    noise: NoisePrior | None = None

    def render(self, value: float | None) -> str:
        """The value for people, with its unit; a dash where there is none."""
        if value is None:
            return "–"
        return f"{value:{self.format}} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The tree that agents edit."""

    path: str
    """Absolute path of the seed tree."""
    editable: tuple[str, ...] = ("**/*.py",)
    protected: tuple[str, ...] = ()
    """Globs that stay untouchable although an editable glob matches."""
    surfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Surface to what implements it: a glob (`optim.py`) or a glob and a symbol
    (`train.py::Muon`; a trailing `*` matches many symbols)."""
    may_add_files: bool = False


class Lease(Enum):
    """How much of a machine an evaluation needs to itself."""

    SHARED = "shared"
    DEVICE = "device"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one evaluation may use."""

    wall: Mapping[str, float]
    """Seconds per phase: `smoke`, `prepare`, `train`, `inference`."""
    artifact_bytes: int
    memory_bytes: int = 8 << 30
    disk_bytes: int = 4 << 30
    processes: int = 256
    output_bytes: int = 8 << 20
    gpus: int = 0
    cpus: int = 0
    """Processors of its lease that a candidate is bound to; 0: all of them."""
    lease: Lease = Lease.SHARED
    early_stop: float = 0.0
    """Tasks that watch a training end it early if it is worse than the seed's by this share."""

    @property
    def total_wall(self) -> float:
        """The outer limit of one seed: more than all phases together."""
        walls = sum(self.wall.values()) + self.wall.get("prepare", 0.0)  # for two sandboxes
        return walls * 1.1 + 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition on exact counts, pooled over all evaluations of a trial."""

    name: str
    hits: str
    """Key of `Outcome.counts` that is counted."""
    total: str
    """Key of `Outcome.counts` that it is counted of."""
    at_least: str | None = None
    """The exact threshold as a fraction or decimal, such as `0.96`; None: calibration sets it."""
    slack: float = 0.0
    """With `at_least=None`: so many standard errors below the calibrated seed recipe."""
    proof_looks: int = 1
    """A keep takes so many fresh looks at least, pooled over the gate …"""
    proof_margin: str | None = None
    """… and with a one-sided 95 % bound of at least the threshold less this; None: no proof."""

    def shortfall(self, counts: Mapping[str, int], threshold: str) -> int:
        """How many more hits the counts would have needed; 0 or less when the gate is passed."""
        needed = Fraction(threshold) * counts.get(self.total, 0)
        return math.ceil(needed) - counts.get(self.hits, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What a trial must have paid before it is kept, such as rows that an audit replays.

    Both are counted by all of its evaluations together.
    """

    name: str
    owed: str
    """Key of `Outcome.counts`: what one evaluation adds to what earlier ones have owed."""
    paid: str

    def left(self, counts: Mapping[str, int]) -> int:
        """What has not been paid yet."""
        return max(0, counts.get(self.owed, 0) - counts.get(self.paid, 0))


class Trust(Enum):
    """Where a score comes from."""

    EVALUATED = "evaluated"
    SCORED = "scored"
    SELF_REPORTED = "self-reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An environment, in one profile."""

    name: str
    title: str
    metric: Metric
    recipe: Recipe
    profile: str = "default"
    profiles: tuple[str, ...] = ("default",)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    """What the profile fixes and the recipe reads from its job: numbers, strings, lists."""
    seeds: int = 1
    """Seeds of one look at a trial."""
    calibration_looks: int = 5
    gates: tuple[Gate, ...] = ()
    debts: tuple[Debt, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    """Surface to specialist key, where it differs from the specialists' own defaults."""
    knowledge: tuple[str, ...] = ()
    """Absolute paths of documents that were written before any run."""
    default_specialists: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ("numpy",)
    """The distributions that a candidate may import, with what they depend on."""
    trust: Trust = Trust.EVALUATED
