"""The facts that cross autores: frozen, keyword-only, and finite wherever they are numbers.

`ARCHITECTURE` in one breath: a `Task` has a `Recipe` and a `Metric`; a `Specialist` makes
a `Submission`; the gates answer with `Violation`s; each `Evaluation` ends in an `Outcome`
of `Measurement`s; a `Decision` follows; all of it is appended as `Event`s (see
`autores.events`) and read back as a `Trial`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from fractions import Fraction
from typing import Any, Protocol, Self

from autores.status import Cause, Status, Verdict

# ------------------------------------------------------------------------------ a task


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


# ------------------------------------------------------------------------- specialists


class Radius(Enum):
    """How far an edit goes, measured from two syntax trees. Ordered."""

    LITERAL = "literal"
    LOCAL = "local"
    STRUCTURAL = "structural"

    @property
    def rank(self) -> int:
        """0 for the smallest."""
        return list(Radius).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """One point of view on a recipe."""

    key: str
    title: str
    surfaces: tuple[str, ...]
    """The surfaces that it owns by default; `("*",)` owns all."""
    radius: Radius = Radius.STRUCTURAL
    aliases: tuple[str, ...] = ()
    preamble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSize:
    """What a change touches."""

    radius: Radius
    surfaces: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    added: int = 0
    removed: int = 0
    parts: tuple[str, ...] = ()
    """Functions, classes and assignments that were edited, as `train.py::lr`; the first few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A frozen proposal: a commit, and why."""

    commit: str
    parents: tuple[int, ...]
    """Trials; the first is the one whose tree was edited."""
    hypothesis: str
    specialist: str
    session: str
    call: str
    """Unique within the session, so that a retried call submits nothing twice."""
    expected_delta: float | None = None
    """Signed, in the metric's unit: what the score is expected to change by."""
    notes: str = ""
    cites: tuple[int, ...] = ()
    """Trials that the hypothesis builds on, besides its parents."""
    edit: EditSize | None = None
    tree: str = ""
    """The id of the commit's git tree: equal files, equal id."""


class Severity(Enum):
    """Whether a violation stops a submission."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What a gate objects to, where, and what would mend it."""

    rule: str
    message: str
    fix: str
    severity: Severity = Severity.REFUSE
    path: str = ""
    line: int = 0
    cause: Cause = Cause.ILLEGAL
    """What the trial's cause becomes if this refuses it (`SYNTAX`, `ARTIFACT_BYTES`, …)."""

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        place = f"{self.path}{line}: " if self.path else ""
        return f"{place}{self.rule}: {self.message} Fix: {self.fix}"


class Tree(Protocol):
    """The files of one commit, read-only."""

    def __iter__(self) -> Iterator[str]:
        """All paths, sorted, with `/`."""

    def __contains__(self, path: object) -> bool:
        """Whether there is such a file."""

    def read(self, path: str) -> bytes:
        """The bytes of a file; KeyError where there is none."""


# -------------------------------------------------------------------------- evaluation


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


# ---------------------------------------------------------------------------- decision


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


# --------------------------------------------------------------------- what is read back


class Phase(Enum):
    """Where a trial is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    MEASURED = "measured"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One evaluation of a trial and, once it is there, what came out."""

    evaluation: Evaluation
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A submission and all that has happened to it so far, folded from the events."""

    id: int
    submission: Submission
    arm: str = ""
    phase: Phase = Phase.QUEUED
    accepted_at: float = 0.0
    finished_at: float | None = None
    depth: int = 0
    """Edges to the baseline along first parents."""
    violations: tuple[Violation, ...] = ()
    looks: int = 0
    """Evaluations that have an outcome."""
    evaluations: int = 0
    """Evaluations that were started."""
    cause: Cause | None = None
    detail: str = ""
    status: Status | None = None
    first_score: float | None = None
    """The first look's score, whatever came of it; set only where that look was valid."""
    score: float | None = None
    """The score that ranks: the mean over evaluation-split looks, if the status is ranked."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Pooled over all evaluation-split looks."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the latest look."""
    artifact: Artifact | None = None
    decision: Decision | None = None
    delta: float | None = None
    """Gain of the first look over the incumbent at that time, positive is better."""
    cost: Cost = field(default_factory=Cost)
    quarantined: str = ""
    """Why it is hidden from agents; empty when it is not."""
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def parent(self) -> int | None:
        """The trial whose tree was edited; None for the baseline."""
        return self.submission.parents[0] if self.submission.parents else None

    @property
    def finished(self) -> bool:
        """Nothing more happens to it, but for a milestone, a demotion or a mark."""
        return self.phase is Phase.FINISHED

    @property
    def visible(self) -> bool:
        """Agents may see it as evidence."""
        return not self.quarantined and (self.status is None or self.status.shown)

    @classmethod
    def accept(cls, trial: int, submission: Submission, *, arm: str, at: float, depth: int) -> Self:
        """A trial as it begins."""
        return cls(id=trial, submission=submission, arm=arm, accepted_at=at, depth=depth)


def _require_finite(record: object, *names: str) -> None:
    kind = type(record).__name__
    _require_finite_values({f"{kind}.{name}": getattr(record, name) for name in names})


def _require_finite_values(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        number = isinstance(value, float | int) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(f"{name} is not a finite number: {value!r}")
