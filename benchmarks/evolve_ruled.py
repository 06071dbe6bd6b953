"""A run in a world of recipes: a lineage and a policy as every run has them, without a machine.

Searches are replayed by a short rule in `evolve_replays`. Here they work under the rules of a run:
events in a store make trials of looks, the bundled policy says who leads and what is kept, pooled
counts end what falls below its gate, milestones test what leads. Left out is what no world tells:
debts of audits, sessions side by side, and processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.evolve_readings import NEAR_MISS, threshold
from benchmarks.evolve_world import Recipes

from autores.calibrate import calibration_of, missed_gate
from autores.config import RunSettings
from autores.events import (
    Accepted,
    Body,
    Calibrated,
    Created,
    Decided,
    Demoted,
    Evaluated,
    Gated,
    Started,
)
from autores.laboratory import Wanted, jobs_of
from autores.lineage.store import create
from autores.lineage.view import LineageView
from autores.loop import VAIN_ROUNDS
from autores.plugins.agents.evolve.genome import Files, Notes, digest, edited
from autores.plugins.agents.evolve.history import Observation, observe
from autores.plugins.agents.evolve.laboratory import Searcher, State, Truth
from autores.plugins.policies import milestone
from autores.plugins.stores.memory import MemoryStore
from autores.records import (
    Artifact,
    Evaluation,
    Outcome,
    Purpose,
    Request,
    Specialist,
    Submission,
    Task,
)
from autores.status import Cause, Verdict

CAP = 1_000_000
"""Bytes that an artifact may have where there is a limit: worlds tell only shares of it."""
_BASELINE = 0
_SEED_NOTES = Notes(operator="", edits=(), genome={})
_EVERY = RunSettings().milestone
_SETTINGS = milestone.Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a run stands after a milestone that might be its last."""

    kept: float
    """True gain of the last keep; 0 where it truly misses its gate, or nothing is kept."""
    led: float
    """The same of what leads."""
    keeps: bool
    """Whether anything is kept but the seed recipe."""
    trials: int
    looks: int
    """All evaluations, those of calibration among them."""


class Ruled:
    """One run of one searcher."""

    def __init__(self, world: Recipes, searcher: Searcher, seed: int) -> None:
        """Calibrate."""
        self._world, self._searcher, self._seed = world, searcher, seed
        self._random = Random(f"noise {seed}")
        self._bar = threshold(world.table) if world.gated else 0.0
        self._task = _task(world, self._bar)
        self._store = MemoryStore()
        create(self._store, Created(direction=self._task.metric.direction))
        self._trees: list[Files] = []
        self._notes: list[Notes] = []
        self._known: set[str] = set()
        self._requests = 0
        self._accept(world.seed_files, _SEED_NOTES, ())
        looks = range(self._task.calibration_looks)
        seen = [self._look(Wanted(trial=_BASELINE, purpose=Purpose.CALIBRATE)) for _ in looks]
        found = calibration_of(self._task, seen, world="", hardware="")
        self._write(Calibrated(calibration=found))

    def course(self, lengths: Sequence[int]) -> Iterator[Stand]:
        """Let specialists work in turn; after so many turns as if the run ended, and then went on."""
        specialists, milestones = self._world.specialists(), 0
        for turn in range(max(lengths)):
            self._turn(specialists[turn % len(specialists)], turn)
            if self._store.head().finished // _EVERY > milestones:
                milestones += 1
                self._milestone()
            if turn + 1 in lengths:
                self._milestone(ending=True)
                yield self._stand()

    # ------------------------------------------------------------------------------ trials

    def _turn(self, specialist: Specialist, turn: int) -> None:
        lead = self._store.head().lead or _BASELINE
        files = self._trees[lead]
        newest_first = [self._seen(trial) for trial in reversed(range(len(self._trees)))]
        made = self._searcher(
            State(
                landscape=self._world,
                territory=self._world.territory(specialist, files),
                head=self._seen(lead),
                seen=newest_first,
                known=frozenset(self._known),
                seed=self._seed * 100_003 + turn,
            )
        )
        if made is None:
            return
        genome = edited(self._notes[lead].genome, made.edits)
        self._world.remember(made.files, genome)
        notes = Notes(operator=made.operator, edits=made.edits, genome=genome)
        trial = self._accept(made.files, notes, (lead,))
        self._look(Wanted(trial=trial, purpose=Purpose.FIRST))
        self._settle(trial)

    def _accept(self, files: Files, notes: Notes, parents: tuple[int, ...]) -> int:
        trial = len(self._trees)
        self._trees.append(files)
        self._notes.append(notes)
        self._known.add(digest(files))
        submission = Submission(
            commit=f"{trial:040x}",
            parents=parents,
            hypothesis="",
            specialist="",
            session="",
            call=str(trial),
        )
        self._write(Accepted(trial=trial, submission=submission), Gated(trial=trial))
        return trial

    def _seen(self, trial: int) -> Observation:
        row = self._store.get(trial)
        return observe(row, self._notes[trial], self._task, self._store.head().calibration)

    def _milestone(self, *, ending: bool = False) -> None:
        head = self._store.head()
        if head.lead is not None and head.lead != head.best:
            self._settle(head.lead, ending=ending)

    def _settle(self, trial: int, *, ending: bool = False) -> None:
        """Decide, looking where the policy asks for it, until it asks for nothing more."""
        view, vain = LineageView(self._store, self._task, ending=ending), 0
        while trial and self._store.get(trial).cause is Cause.VALID:
            decision = milestone.decide(self._store.get(trial), view, _SETTINGS)
            self._write(Decided(trial=trial, decision=decision))
            if decision.verdict is not Verdict.MEASURE:
                return
            before = self._valid_looks(trial)
            for request in decision.requests:
                self._fulfil(request)
            vain = 0 if self._valid_looks(trial) > before else vain + 1
            if vain == VAIN_ROUNDS:
                self._write(Demoted(trial=trial, cause=Cause.HARNESS, reason="nothing measured"))

    def _valid_looks(self, trial: int) -> int:
        outcomes = (look.outcome for look in self._store.looks(trial))
        return sum(outcome is not None and outcome.cause is Cause.VALID for outcome in outcomes)

    def _stand(self) -> Stand:
        head = self._store.head()
        kept, led = head.best or _BASELINE, head.lead or _BASELINE
        trials = range(len(self._trees))
        return Stand(
            kept=self._worth(kept),
            led=self._worth(led),
            keeps=kept != _BASELINE,
            trials=len(trials) - 1,
            looks=sum(self._store.get(trial).looks for trial in trials),
        )

    def _worth(self, trial: int) -> float:
        truth = self._world.truth(self._trees[trial])
        return truth.height if trial and truth.margin >= 0 else 0.0

    # ------------------------------------------------------------------------------- looks

    def _fulfil(self, request: Request) -> None:
        self._requests += 1
        for wanted in (look for job in jobs_of(request) for look in job):
            self._look(wanted)

    def _look(self, wanted: Wanted) -> Outcome:
        trial = wanted.trial
        measured = self._world.measure(self._trees[trial], self._random)
        outcome = self._outcome(*measured)
        ordinal = self._store.get(trial).evaluations
        evaluation = Evaluation(
            trial=trial,
            ordinal=ordinal,
            purpose=wanted.purpose,
            commit=f"{trial:040x}",
            seeds=(ordinal,),
            pair="" if wanted.pair is None else f"{self._requests} {wanted.pair}",
        )
        ended = Evaluated(trial=trial, ordinal=ordinal, outcome=outcome)
        self._write(Started(evaluation=evaluation), ended)
        if ordinal and trial != _BASELINE:
            self._hold_to(trial, outcome)
        return outcome

    def _outcome(self, truth: Truth, score: float, margin: float) -> Outcome:
        """As an evaluator would tell it."""
        name = self._task.metric.name
        if truth.breaks:
            return Outcome(cause=Cause.EXITED)
        if not self._world.limited:
            counts = _counts(self._world, self._bar + margin)
            missed = missed_gate(self._task, counts, {}) is not None
            return Outcome(
                cause=Cause.GATE if missed else Cause.VALID,
                score=None if missed else score,
                counts=counts,
                metrics={name: score},
            )
        used = round(CAP * math.exp(-margin))
        artifact = Artifact(sha256="", code_bytes=0, weight_bytes=used)
        if used <= CAP:
            return Outcome(cause=Cause.VALID, score=score, artifact=artifact)
        unranked = {f"unranked_{name}": score} if used <= NEAR_MISS * CAP else {}
        return Outcome(cause=Cause.ARTIFACT_BYTES, metrics=unranked, artifact=artifact)

    def _hold_to(self, trial: int, outcome: Outcome) -> None:
        """End what later looks show to miss a gate, or not to run every time."""
        row = self._store.get(trial)
        if row.cause is not Cause.VALID:
            return
        if missed_gate(self._task, row.counts, {}) is not None:
            self._write(Demoted(trial=trial, cause=Cause.GATE, reason="misses a gate"))
        elif outcome.cause not in (Cause.VALID, Cause.GATE):
            self._write(Demoted(trial=trial, cause=outcome.cause, reason="a later look failed"))

    def _write(self, *bodies: Body) -> None:
        self._store.append(lambda head: bodies)


def _task(world: Recipes, bar: float) -> Task:
    """The world's, whose gate stands where the table's seed looks put it."""
    gates = [replace(gate, at_least=f"{bar:.6f}") for gate in world.task.gates if world.gated]
    return replace(world.task, gates=tuple(gates), debts=())


def _counts(world: Recipes, rate: float) -> dict[str, int]:
    """Of right answers, where a gate asks for them."""
    if not world.gated:
        return {}
    gate = world.task.gates[0]
    total = next(look.counts[gate.total] for look in world.table.looks if look.counts)
    return {gate.hits: min(total, max(0, round(rate * total))), gate.total: total}
