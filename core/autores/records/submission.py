"""What a specialist submits, and what the gates object to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from autores.status import Cause


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
