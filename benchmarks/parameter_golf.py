"""One trial of parameter_golf on two cores: what it takes, what it scores, who is caught.

The seed recipe is trained and evaluated by the real evaluator in a world of its own; then once
more with its context cut, to see that the text has structure beyond a few words. Candidates
that look ahead are audited in this task's own stream, and counted against what theory says. The
integers of the weights are coded as the recipe does it, and by general compressors.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from types import SimpleNamespace
from typing import Any

import numpy as np
from benchmarks.parameter_golf_ngrams import coders
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.records import Evaluation, Outcome, Purpose
from autores.tasks.parameter_golf import data, plugin
from autores.tasks.parameter_golf.packing import ENTRY
from autores.tasks.parameter_golf.profiles import Profile, profile_named
from autores.tasks.text.streams import Stream, StreamAudit, score_stream
from autores.testing.recipes import RecordedHarness, module_at

PROFILE = "cpu"
CUT_BYTES = 32
LEAST_RISE = 1.05
"""Of the score, when the context is cut."""
REPLAYS = 200
SEEDS = (11, 12, 13)
SHARES = (0.01, 0.1, 1.0)
_PREDICTS = """            with precision(rows.device, self.half):
                logits = self.model(rows)
            out.append"""
_CUT = """            with precision(rows.device, self.half):
                padded = F.pad(rows, ({cut} - 1, 0), value=1)
                windows = padded.unfold(1, {cut}, 1)[:, -inputs.size(1) :]
                logits = self.model(windows.flatten(0, 1))[:, -1].unflatten(0, windows.shape[:2])
            out.append"""


def recipe() -> str:
    """The seed recipe."""
    folder = Path(plugin.autores_task(PROFILE).recipe.path)
    return (folder / ENTRY).read_text()


def with_context_cut(source: str, tokens: int) -> str:
    """The recipe, predicting from the last few tokens alone, and learning nothing meanwhile."""
    cut = source.replace(_PREDICTS, _CUT.format(cut=tokens))
    cut = cut.replace("ttt_epochs = 1\n", "ttt_epochs = 0\n")
    if cut.count("unfold") == source.count("unfold") or "ttt_epochs = 0\n" not in cut:
        raise RuntimeError("the recipe has changed beyond this benchmark")
    return cut


def without_adaptation(source: str) -> str:
    """The recipe, learning nothing while it predicts."""
    return source.replace("ttt_epochs = 1\n", "ttt_epochs = 0\n")


def measure(source: str, data_dir: Path, *, seed: int = 11) -> tuple[Outcome, float]:
    """One evaluation as a run would make it, and its seconds from outside."""
    task = plugin.autores_task(PROFILE)
    tree = FileTree({ENTRY: source.encode()})
    evaluation = Evaluation(
        trial=0, ordinal=0, purpose=Purpose.CALIBRATE, commit="c", seeds=(seed,)
    )
    limits = plugin.autores_budget(task)
    request = EvaluationRequest(
        evaluation=evaluation,
        tree=tree.id,
        task=task,
        plugin=plugin.__name__,
        limits=replace(limits, wall={**limits.wall, "inference": 300.0}),  # the cut one is slow
        data_dir=str(data_dir),
        secret="ab" * 16,
    )
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), os.urandom(32)
        write_bundle(folder / "bundle", [request], {"c": {ENTRY: source.encode()}})
        begun = time.perf_counter()
        run_job(read_bundle(folder / "bundle"), {key_name(evaluation): key}, folder)
        seconds = time.perf_counter() - begun
        outcome = verify((folder / "0.json").read_bytes(), key, evaluation, tree.id)
    if outcome.score is None:
        raise RuntimeError(f"the seed recipe failed: {outcome.cause.value}: {outcome.detail}")
    return outcome, seconds


# ------------------------------------------------------------------------------ the artifact


def integers(train: Path, seconds: float) -> tuple[bytes, int]:
    """Train the seed recipe outside of any sandbox; its integers, and how small it codes them."""
    harness = RecordedHarness(seconds)
    harness.data = str(train)
    sys.modules["harness"] = harness
    seed = module_at(Path(plugin.autores_task(PROFILE).recipe.path, ENTRY))
    coded: dict[str, Any] = {}
    streams: list[bytes] = []
    pack, encode = seed.pack, seed.encode
    seed.pack = lambda found, plain: coded.update(found) or pack(found, plain)
    seed.encode = lambda *rows: streams.append(encode(*rows)) or streams[-1]
    job = SimpleNamespace(phase="train", sizes=dict(profile_named(PROFILE).sizes), rank=0, ranks=1)
    seed.train_phase(job, seed.torch.device("cpu"))
    tables = int.from_bytes(harness.artifact[:4], "little")
    told = b"".join(q.numpy().astype(np.int8).tobytes() for q, _ in coded.values())
    return told, len(streams[-1]) + tables


def coding(train: Path) -> Iterator[Row]:
    """How small the weights get."""
    told, ours = integers(train, 25.0)
    yield Row(
        name="integers of the weights, as the recipe codes them",
        value=ours,
        unit="B",
        baseline=len(told),
        compared_with="a byte for each",
    )
    for name, size in coders().items():
        yield Row(
            name=f"the same by {name}",
            value=size(told),
            unit="B",
            baseline=ours,
            compared_with="as the recipe codes them",
        )


# ----------------------------------------------------------------------------- who is caught


class Bigram:
    """Honest but for a share of the positions, at which it knows the next token."""

    def __init__(self, table: NDArray[np.float32], share: float, seed: int) -> None:
        self.table, self.share = table, share
        self.random = np.random.default_rng(seed)

    def ask(self, *question: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Answer, with a look at the next input here and there."""
        (inputs,) = question
        logits = self.table[inputs]
        i, j = np.nonzero(self.random.random(inputs[:, 1:].shape) < self.share)
        logits[i, j, inputs[i, j + 1]] += 20
        return logits

    def reveal(self, *truth: NDArray[Any]) -> None:
        """Nothing is learned."""


def catches(stream: Stream, other: NDArray[np.int64], length: int) -> Iterator[Row]:
    """How many single replays find candidates that look ahead at a share of the positions."""
    size = stream.vocabulary
    counts = np.full((size, size), 0.1, np.float32)
    np.add.at(counts, (stream.inputs, stream.targets), 1)
    table = np.log(counts)
    for share in (0.0, *SHARES):
        found, audit = 0, None
        for number in range(REPLAYS if share else REPLAYS // 4):
            first = score_stream(Bigram(table, share, 1), stream, length)
            audit = StreamAudit(stream, length, first, other)
            verdict = audit.replay(Bigram(table, share, 1), audit.plan(bytes([number % 256, 7])))
            found += not verdict.passed
        assert audit is not None
        seen = share * (length - 1) / length  # the last of a chunk has no next input
        tried = REPLAYS if share else REPLAYS // 4
        yield Row(
            name=f"replays that find a look at {share:.0%} of the positions",
            value=found / tried,
            unit="of 1",
            baseline=1 - (1 - seen) ** audit.rows_at_once,
            compared_with="as the rows of one replay say",
            samples=tried,
        )


def _small() -> Profile:
    profile = profile_named("micro")
    return replace(profile, sizes={**profile.sizes, "columns": 64})


def _looked(looks: Sequence[tuple[Outcome, float]], cap: int) -> Iterator[Row]:
    scores = [o.score for o, _ in looks if o.score is not None]
    many = len(scores)
    yield Row(
        name="one trial, everything included, at most",
        value=max(seconds for _, seconds in looks),
        unit="s",
        limit=90.0,
        samples=many,
    )
    yield Row(name="seed recipe", value=fmean(scores), unit="bpb", samples=many)
    yield Row(name="its noise, sd of one look", value=stdev(scores), unit="bpb", samples=many)
    yield Row(
        name="bytes of code and weights, at most",
        value=max(o.artifact.total_bytes for o, _ in looks if o.artifact is not None),
        unit="B",
        baseline=cap,
        compared_with="the cap",
        limit=cap,
        samples=many,
    )
    for name, unit in (("steps_per_second", "1/s"), ("training", "s"), ("inference", "s")):
        value = fmean(o.metrics[name] for o, _ in looks)
        yield Row(name=name.replace("_", " "), value=value, unit=unit, samples=many)


def _without(plain: Outcome, cut: Outcome) -> Iterator[Row]:
    assert plain.score is not None
    assert cut.score is not None
    yield Row(
        name="seed recipe, learning nothing while it predicts",
        value=plain.score,
        unit="bpb",
        baseline=cut.score,
        compared_with=f"with its context cut to {CUT_BYTES} bytes as well",
        limit=cut.score / LEAST_RISE,
    )


def run() -> Report:
    """Measure in a world of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        begun = time.perf_counter()
        prepared = data.prepare(profile_named(PROFILE), folder)
        prepare_seconds = time.perf_counter() - begun
        stream, _ = prepared.held_out("evaluation", profile_named(PROFILE))
        tokens = max(1, round(CUT_BYTES * stream.targets.size / stream.bytes))
        looks = [measure(recipe(), folder, seed=number) for number in SEEDS]
        plain, _ = measure(without_adaptation(recipe()), folder)
        cut, _ = measure(with_context_cut(recipe(), tokens), folder)
        small = _small()
        small_stream, other = data.prepare(small, folder).held_out("evaluation", small)
        caught = list(catches(small_stream, other, small.sizes["chunk"]))
        weights = list(coding(prepared.folder / data.TRAIN))
    limit = profile_named(PROFILE).artifact_bytes
    rows = [
        Row(name="prepare", value=prepare_seconds, unit="s", limit=60.0),
        *_looked(looks, limit),
        *_without(plain, cut),
        *weights,
        *caught,
    ]
    return Report(title=f"parameter_golf, profile {PROFILE}", rows=rows)
