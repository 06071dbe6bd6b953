"""The facts that cross autores: frozen, keyword-only, and finite wherever they are numbers.

`ARCHITECTURE` in one breath: a `Task` has a `Recipe` and a `Metric`; a `Specialist` makes
a `Submission`; the gates answer with `Violation`s; each `Evaluation` ends in an `Outcome`
of `Measurement`s; a `Decision` follows; all of it is appended as `Event`s (see
`autores.events`) and read back as a `Trial`.
"""

from __future__ import annotations

from autores.records.decision import (
    Budget,
    Calibration,
    Cost,
    Decision,
    Interval,
    Request,
)
from autores.records.evaluation import (
    Artifact,
    Evaluation,
    Measurement,
    Outcome,
    Point,
    Purpose,
    Sample,
    Split,
)
from autores.records.submission import (
    EditSize,
    Radius,
    Severity,
    Specialist,
    Submission,
    Tree,
    Violation,
)
from autores.records.task import (
    Debt,
    Direction,
    Gate,
    Lease,
    Limits,
    Metric,
    NoisePrior,
    Recipe,
    Task,
    Trust,
)
from autores.records.trial import (
    Look,
    Phase,
    Trial,
)

__all__ = [
    "Artifact",
    "Budget",
    "Calibration",
    "Cost",
    "Debt",
    "Decision",
    "Direction",
    "EditSize",
    "Evaluation",
    "Gate",
    "Interval",
    "Lease",
    "Limits",
    "Look",
    "Measurement",
    "Metric",
    "NoisePrior",
    "Outcome",
    "Phase",
    "Point",
    "Purpose",
    "Radius",
    "Recipe",
    "Request",
    "Sample",
    "Severity",
    "Specialist",
    "Split",
    "Submission",
    "Task",
    "Tree",
    "Trial",
    "Trust",
    "Violation",
]
