"""What a task's evaluation code uses: it spawns candidates, keeps clocks, weighs, records.

    @hookimpl
    def autores_evaluate(request, tree, arena):
        for seed in request.evaluation.seeds:
            with arena.spawn(Phase.TRAIN, seed=seed, data=lay_out_training_data) as trainee:
                trainee.until_ready()
                trainee.go()
                weights = trainee.until_done()
            with arena.spawn(Phase.INFER, seed=seed, weights=weights) as answerer:
                answerer.until_ready()
                answerer.go()
                answers = [answerer.ask(q, shape=(len(q), 10)) for q in questions]
            arena.record(Sample(seed=seed, score=score_of(answers)))
        return arena.outcome(mean(sample.score for sample in arena.samples))

Whatever the candidate does wrong is raised as `Failed` and becomes an outcome that keeps
what had been measured until then.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Self

from autores.evaluator.calm import COOL_DOWN, Pulse, take_pulse, unrest
from autores.evaluator.candidate import Candidate, Charge, Phase
from autores.evaluator.failure import Failed
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Cell, Level, Sandbox, choose
from autores.evaluator.sandbox.environment import discover
from autores.evaluator.sandbox.sealed import Sealed
from autores.evaluator.trees import FileTree
from autores.evaluator.yard import Place, Yard
from autores.hardware import usable_cpus
from autores.records import Artifact, Gate, Measurement, Outcome, Sample
from autores.status import Cause
from autores.text import escape_line

__all__ = ["Arena", "Candidate", "Failed", "Phase", "Sealed"]

PREPARE_SLACK = 1.25
"""Preparing may take so many times what the seed recipe takes; the rest is charged."""


class Arena:
    """The place where one commit is measured."""

    def __init__(
        self,
        request: EvaluationRequest,
        tree: FileTree,
        *,
        work: Path,
        staging: Path | None = None,
        sandbox: Callable[[], Sandbox] | None = None,
    ) -> None:
        """Open an arena; nothing runs yet.

        Args:
            request: What is to be measured.
            tree: The files of the commit, already checked against its hash.
            work: An empty folder of the evaluator's own, reachable by other users.
            staging: Such a folder on the data's file system, where data can be linked;
                `work` if there is none.
            sandbox: Makes the sandbox when the first candidate is spawned; by default the
                one that the request asks for.
        """
        self.request = request
        self.samples: list[Sample] = []
        self.measurements: list[Measurement] = []
        self.weights: list[Sealed] = []
        self._yard = Yard(tree, work, staging or work)
        self._open_sandbox = sandbox or (lambda: sandbox_for(request, work))
        self._sandbox: Sandbox | None = None
        self._pulse: Pulse | None = None
        self.unrest = ""
        """Why something was measured twice."""

    def spawn(
        self,
        phase: Phase,
        *,
        seed: int,
        entry: str = "train.py",
        data: Callable[[Path], object] | None = None,
        weights: Sealed | None = None,
        wall: float | None = None,
        scored: bool = False,
        ranks: int = 1,
    ) -> Candidate:
        """Start the recipe in a fresh sandbox; use it as a context, whose end is its death.

        Args:
            phase: What is asked of it, and which limit it runs under.
            seed: Told to it at GO.
            entry: The file of the tree that is run.
            data: Lays out, in the empty folder that it is given, the data that appears at
                GO; called at once.
            weights: What `until_done` returned, for the phase that answers.
            wall: Seconds from GO, where they are not the phase's limit.
            scored: Whether its seconds are the score, which then bears what preparing takes too
                long; else that shortens its time.
            ranks: Processes, started by torchrun when there are several.

        Raises:
            SandboxUnavailable: This machine does not reach the level that was asked for.
        """
        if self._sandbox is None:
            self._sandbox = self._open_sandbox()
        place = self._yard.place(str(phase.value), weights)
        if data is not None:
            data(place.hidden)
        charge = self._charge(phase, seed, ranks, wall, scored)
        return Candidate(self._sandbox, self._cell(place, entry, ranks), place, charge)

    @property
    def cpus(self) -> frozenset[int]:
        """The processors that candidates are bound to; none: whatever this process may use."""
        lease, most = self.request.cpus, self.request.limits.cpus
        return frozenset((lease or usable_cpus())[-most:] if most else lease)

    def _cell(self, place: Place, entry: str, ranks: int) -> Cell:
        limits = self.request.limits
        return Cell(
            argv=_command(entry, ranks),
            code=self._yard.code,
            harness=self._yard.harness,
            out=place.out,
            data=place.shown,
            sockets=place.sockets,
            memory_bytes=limits.memory_bytes,
            disk_bytes=limits.disk_bytes,
            output_bytes=limits.output_bytes,
            processes=limits.processes,
            gpus=self.request.gpus,
            cpus=self.cpus or None,
            loopback=ranks > 1,
        )

    def _charge(
        self, phase: Phase, seed: int, ranks: int, wall: float | None, scored: bool
    ) -> Charge:
        limits = self.request.limits
        seed_recipe = self.request.reference(phase.prepare_metric)
        return Charge(
            phase=phase,
            seed=seed,
            ranks=ranks,
            sizes=self.request.task.sizes,
            prepare_wall=(
                limits.wall["smoke"]
                if phase is Phase.SMOKE
                else self.request.patience("prepare", phase.prepare_metric)
            ),
            wall=limits.wall[phase.limit] if wall is None else wall,
            free_prepare=math.inf if seed_recipe is None else PREPARE_SLACK * seed_recipe,
            scored=scored,
            weight_bytes=limits.artifact_bytes - self._yard.code_bytes,
            report=self.measurements.append,
            keep=self.weights.append,
        )

    def calmly(self, measure: Callable[[], Sample]) -> Sample:
        """Time something; if the machine moved meanwhile, once more in all of an evaluation.

        The last measurement counts, whatever it says: no candidate gets the better of two.
        """
        before = self._pulse or take_pulse(self.cpus)
        first = len(self.measurements)
        sample = measure()
        time.sleep(COOL_DOWN)
        self._pulse = take_pulse(self.cpus)
        if self.unrest or not (moved := unrest(before, self._pulse, self.measurements[first:])):
            return sample
        self.unrest = moved
        return measure()

    def record(self, sample: Sample) -> None:
        """Note what one seed measured; a later failure does not take it away."""
        self.samples.append(sample)

    @property
    def counts(self) -> Mapping[str, int]:
        """The counts of all samples so far."""
        return _summed(sample.counts for sample in self.samples)

    @property
    def pooled(self) -> Mapping[str, int]:
        """The same with those of the trial's earlier evaluations: what gates look at."""
        return _summed([self.request.earlier, self.counts])

    def outcome(self, score: float, metrics: Mapping[str, float] | None = None) -> Outcome:
        """The outcome of all samples: valid, or stopped by a gate on the pooled counts.

        Args:
            score: Of all seeds together.
            metrics: More numbers, beside the means of the samples' own.
        """
        if not math.isfinite(score):
            return self.failed(Failed(Cause.NOT_FINITE, f"the score is {score}"))
        found = {self.request.task.metric.name: score, **self._metrics(), **(metrics or {})}
        missed = [text for gate in self.request.task.gates if (text := self._missed(gate))]
        return Outcome(
            cause=Cause.GATE if missed else Cause.VALID,
            score=None if missed else score,
            counts=self.counts,
            samples=tuple(self.samples),
            metrics=found,
            measurements=tuple(self.measurements),
            artifact=self.artifact,
            containment=self.containment,
            detail="; ".join(missed),
        )

    def failed(self, failure: Failed) -> Outcome:
        """The outcome of a candidate that failed: what stopped it, and what was measured."""
        return Outcome(
            cause=failure.cause,
            counts=self.counts,
            samples=tuple(self.samples),
            metrics=self._metrics(),
            measurements=tuple(self.measurements),
            artifact=self.artifact,
            containment=self.containment,
            detail=escape_line(failure.detail, 300),
        )

    @property
    def artifact(self) -> Artifact | None:
        """The heaviest of what was handed in, with the code."""
        if not self.weights:
            return None
        heaviest = max(self.weights, key=lambda sealed: sealed.size)
        return Artifact(
            sha256=heaviest.sha256, code_bytes=self._yard.code_bytes, weight_bytes=heaviest.size
        )

    @property
    def containment(self) -> Mapping[str, str]:
        """What is recorded of the sandbox; nothing before the first candidate."""
        if self._sandbox is None:
            return {}
        found = {str(f.guarantee.value): f.enforcement.value for f in self._sandbox.findings}
        return {"level": str(self._sandbox.level.value), **found}

    def close(self) -> None:
        """Give the sandbox up; the folders are their owner's to remove."""
        if self._sandbox is not None:
            self._sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _metrics(self) -> dict[str, float]:
        """Means over the seeds: what samples say, and seconds of each phase."""
        rows = [dict(sample.metrics) for sample in self.samples]
        rows += [{f"{m.phase}_seconds": m.wall} for m in self.measurements if not m.limit]
        return _means(rows) | ({"measured_again": 1.0} if self.unrest else {})

    def _missed(self, gate: Gate) -> str:
        threshold, pooled = self.request.threshold(gate), self.pooled
        if threshold is None or (short := gate.shortfall(pooled, threshold)) <= 0:
            return ""
        hits, total = pooled.get(gate.hits, 0), pooled.get(gate.total, 0)
        return f"{gate.name}: {hits:,} of {total:,}, {short:,} short of {threshold}"


def sandbox_for(request: EvaluationRequest, scratch: Path) -> Sandbox:
    """The sandbox that a request asks for: the level of its record, and never a worse one.

    Raises:
        SandboxUnavailable: This machine does not reach it.
    """
    recorded = request.evaluation.sandbox
    wanted = Level.named(recorded) if recorded else None
    return choose(
        max(Level.named(request.min_level), wanted or Level.NONE),
        wanted=wanted,
        environment=discover(request.task.distributions),
        scratch=scratch,
    )


def _command(entry: str, ranks: int) -> tuple[str, ...]:
    if ranks == 1:
        return ("python", entry)
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}")
    return ("python", *torchrun, entry)


def _summed(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for name, count in row.items():
            total[name] = total.get(name, 0) + count
    return total


def _means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in found.items()}
