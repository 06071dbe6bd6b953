"""How a recipe is measured: train, weigh, predict what it cannot see, audit what it gained."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from autores.evaluator.arena import Arena, Failed, Phase, Sealed
from autores.evaluator.staging import staging_folder
from autores.evaluator.trees import FileTree
from autores.evaluator.yard import remove
from autores.prepared import require_world
from autores.records import Outcome, Sample, Tree
from autores.scoring.audit import Verdict
from autores.scoring.likelihood import Losses, Tokens
from autores.status import Cause
from autores.tasks.parameter_golf import auditing, data, early, feedback
from autores.tasks.parameter_golf.context import UNRANKED
from autores.tasks.parameter_golf.packing import ENTRY, packed
from autores.tasks.parameter_golf.profiles import Profile, profile_named
from autores.tasks.text.streams import Stream, StreamAudit, score_stream

SMOKE_SEED = 0
"""Nothing that is measured depends on it."""
ROOM = 20
"""Artifacts are taken up to so many times the limit, to say how much is too much."""
NEAR_MISS = 1.05
"""What is at most so many times too large is predicted with all the same, unranked."""


def evaluate(arena: Arena, tree: Tree) -> Outcome:
    """Measure all seeds of a request; the score is their mean."""
    files = {path: tree.read(path) for path in tree}
    files[ENTRY] = packed(files.get(ENTRY, b""))
    with _arena_for(arena, FileTree(files)) as own:
        trial = _Trial(own, arena.request.limits.artifact_bytes)
        try:
            return trial.measure()
        except Failed as failure:
            return trial.failed(failure)


@contextmanager
def _arena_for(arena: Arena, tree: FileTree) -> Iterator[Arena]:
    """An arena in which the packed code runs, with room for what is a little too large."""
    limits = arena.request.limits
    request = replace(
        arena.request, limits=replace(limits, artifact_bytes=ROOM * limits.artifact_bytes)
    )
    work = Path(tempfile.mkdtemp(prefix="autores-golf-"))
    work.chmod(0o711)  # candidates may be another user
    try:
        with (
            staging_folder(Path(request.data_dir), work) as staging,
            Arena(request, tree, work=work, staging=staging) as own,
        ):
            yield own
    finally:
        remove([work])


class _Trial:
    """One evaluation of one recipe."""

    def __init__(self, arena: Arena, limit: int) -> None:
        self.arena, self.limit = arena, limit
        request = arena.request
        self.profile: Profile = profile_named(request.task.profile)
        self.prepared = _prepared(arena, self.profile)
        stream, self.other = self.prepared.held_out(request.evaluation.split.value, self.profile)
        self.stream: Stream = replace(stream, device="cuda" if request.gpus else None)
        self.unranked: dict[str, float] = {}

    def measure(self) -> Outcome:
        """Every seed; then what the recipe gained is audited."""
        arena = self.arena
        if "smoke" in arena.request.limits.wall:
            self._train(Phase.SMOKE, SMOKE_SEED)
        for seed in arena.request.evaluation.seeds:
            self._measure(seed)
        score = math.fsum(s.score for s in arena.samples) / len(arena.samples)
        return arena.outcome(score, feedback.metrics(arena))

    def failed(self, failure: Failed) -> Outcome:
        """What stopped it, in words that help, with what is known all the same."""
        if failure.cause is Cause.TRAIN_TIME and failure.saved is not None:
            self._look_at(failure.saved)
        detail = feedback.explain(failure, self.arena)
        outcome = self.arena.failed(Failed(failure.cause, detail))
        metrics = {**outcome.metrics, **feedback.metrics(self.arena), **self.unranked}
        return replace(outcome, metrics=metrics)

    def _measure(self, seed: int) -> None:
        arena = self.arena
        train_seconds, weights = self._train(Phase.TRAIN, seed)
        artifact = arena.artifact
        assert artifact is not None
        over = artifact.total_bytes - self.limit
        if over > 0:
            if artifact.total_bytes <= NEAR_MISS * self.limit:
                self.unranked[UNRANKED] = self._bits(self._predict(seed, weights)[1])
            raise Failed(Cause.ARTIFACT_BYTES, feedback.too_large(artifact, self.limit, arena))
        infer_seconds, found = self._predict(seed, weights)
        score = self._bits(found)
        counts = self._audit(seed, weights, found, score)
        arena.record(
            Sample(
                seed=seed,
                score=score,
                counts={"tokens": self.stream.targets.size, "bytes": self.stream.bytes, **counts},
                metrics={
                    "training": train_seconds,
                    "inference": infer_seconds,
                    "nats_per_token": sum(map(float, map(_total, found)))
                    / self.stream.targets.size,
                },
            )
        )

    def _train(self, phase: Phase, seed: int) -> tuple[float, Sealed]:
        watch = early.watch(self.arena.request)
        with self.arena.spawn(
            phase,
            seed=seed,
            entry=ENTRY,
            data=lambda folder: data.stage(self.prepared, folder),
            ranks=max(1, self.profile.gpus),
        ) as trainee:
            trainee.until_ready()
            trainee.go()
            weights = trainee.until_done(watch if phase is Phase.TRAIN else None)
        return trainee.seconds, weights

    def _predict(self, seed: int, weights: Sealed) -> tuple[float, list[Losses]]:
        with self.arena.spawn(Phase.INFER, seed=seed, entry=ENTRY, weights=weights) as answerer:
            answerer.until_ready()
            answerer.go()
            found = score_stream(answerer, self.stream, self.profile.sizes["chunk"])
        return answerer.told_seconds, found

    def _bits(self, found: list[Losses]) -> float:
        return math.fsum(map(_total, found)) / math.log(2) / self.stream.bytes

    def _audit(
        self, seed: int, weights: Sealed, found: list[Losses], score: float
    ) -> Mapping[str, int]:
        """Replay as often as the gain asks; who looked ahead or is not the same again has failed."""
        request, earlier = self.arena.request, self.arena.pooled
        audit = StreamAudit(self.stream, self.profile.sizes["chunk"], found, self.other)
        due, order = auditing.replays_due(request, score, audit), audit.order(request.tree)
        until, verdicts = time.monotonic() + request.limits.wall["audit"], list[Verdict]()
        for number in range(earlier.get(auditing.DONE, 0), due):
            if time.monotonic() > until:
                break  # a trial that still owes is not kept; more looks pay
            secret = request.derive("audit", seed, number)
            plan = audit.plan(secret, order[number % len(order)])
            with self.arena.spawn(Phase.INFER, seed=seed, entry=ENTRY, weights=weights) as again:
                again.until_ready()
                again.go()
                verdicts.append(audit.replay(again, plan))
            auditing.require_passed(verdicts)
        return auditing.counts(verdicts, due, earlier)

    def _look_at(self, saved: Sealed) -> None:
        """Predict with what was saved last before the time was up: for a diagnosis."""
        try:
            _, found = self._predict(self.arena.request.evaluation.seeds[0], saved)
        except Failed:
            return
        self.unranked[UNRANKED] = self._bits(found)


def _total(found: Losses | Tokens) -> float:
    return math.fsum(found.ravel())


def _prepared(arena: Arena, profile: Profile) -> data.Prepared:
    prepared = data.open_prepared(profile, Path(arena.request.data_dir))
    require_world(arena.request, prepared.world)
    return prepared
