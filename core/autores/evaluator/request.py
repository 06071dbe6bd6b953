"""All that the evaluator is told of one evaluation."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from autores.records import Calibration, Evaluation, Gate, Limits, Purpose, Task

PATIENCE = 3.0
"""With what is no budget, in times of what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """One evaluation, complete: nothing else is looked up."""

    evaluation: Evaluation
    tree: str
    """The git tree id of the commit: what runs is what was submitted."""
    task: Task
    plugin: str
    """The module of the task plugin, such as `autores.tasks.airbench.plugin`."""
    limits: Limits
    data_dir: str
    """The folder that `autores_prepare` was given."""
    secret: str
    """Hexadecimal; orders and permutations that no candidate may foresee follow from it."""
    calibration: Calibration | None = None
    earlier: Mapping[str, int] = field(default_factory=dict)
    """Counts of this trial's earlier evaluations on the same split: gates pool over all."""
    parent: Mapping[str, float] = field(default_factory=dict)
    """What the trial that was edited measured: what failures are compared with."""
    incumbent: float | None = None
    """The score that this trial would have to beat: audits go as deep as what it gains."""
    min_level: str = "none"
    """The worst level of the sandbox that will do."""
    cpus: tuple[int, ...] = ()
    """The processors of the lease; none named: all."""
    gpus: tuple[int, ...] = ()
    """The devices of the lease."""

    @property
    def outer_wall(self) -> float:
        """Seconds after which the whole evaluation is ended from outside.

        One seed may be measured twice: see `Arena.calmly`.
        """
        prepare = self.limits.wall.get("prepare", 0.0)
        more = 2.2 * (max(map(self._preparing, ("train", "inference"))) - prepare)
        return (self.limits.total_wall + more) * (max(1, len(self.evaluation.seeds)) + 1)

    def patience(self, phase: str, metric: str) -> float:
        """Seconds for what is no budget, such as preparing: no slow machine ends a trial by it.

        The phase's limit, or three times what the seed recipe took here, if that is longer; the
        seed recipe itself has three times the limit.

        Args:
            phase: Its name in the limits.
            metric: In which the seed recipe's seconds are recorded.
        """
        limit = self.limits.wall[phase]
        if self.evaluation.purpose is Purpose.CALIBRATE:
            return PATIENCE * limit
        return max(limit, PATIENCE * (self.reference(metric) or 0.0))

    def _preparing(self, phase: str) -> float:
        if "prepare" not in self.limits.wall:
            return 0.0
        return self.patience("prepare", f"{phase}_prepare_seconds")

    def derive(self, *labels: str | int) -> bytes:
        """A secret of 16 bytes for one use, such as `derive("order", seed)`."""
        message = "/".join(map(str, labels)).encode()
        return hmac.digest(bytes.fromhex(self.secret), message, "sha256")[:16]

    def threshold(self, gate: Gate) -> str | None:
        """What a gate asks for; None while the seed recipe is being calibrated."""
        if self.evaluation.purpose is Purpose.CALIBRATE:
            return None
        if gate.at_least is not None or self.calibration is None:
            return gate.at_least
        return self.calibration.thresholds.get(gate.name)

    def reference(self, name: str) -> float | None:
        """What the seed recipe measured, such as `prepare_seconds`; None before calibration."""
        return None if self.calibration is None else self.calibration.references.get(name)

    def before(self, name: str) -> tuple[float, str] | None:
        """What the parent measured, or else the seed recipe, and whose it is."""
        if name in self.parent:
            return self.parent[name], "the parent's"
        seed = self.reference(name)
        return None if seed is None else (seed, "the seed recipe's")
