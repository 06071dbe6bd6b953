"""One trial of parameter_golf on two cores: what it takes, what it scores, with which noise.

The seed recipe is trained and evaluated by the real evaluator, as often as a calibration does,
in a world of its own, beside the best n-gram mixtures under the same cap; then, in three worlds,
without adapting, and once more with its context cut, to see that the text has structure beyond
a few words. The integers of the weights are coded as the recipe does it, and by general
compressors.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
from benchmarks.parameter_golf_ngrams import Texts, coders, results
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.calibrate import calibration_of
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.records import Calibration, Evaluation, Outcome, Purpose
from autores.scoring.bits import Chunk
from autores.scoring.likelihood import losses
from autores.tasks.parameter_golf import data, plugin
from autores.tasks.parameter_golf.packing import ENTRY
from autores.tasks.parameter_golf.profiles import profile_named
from autores.tasks.text.streams import Stream
from autores.testing.recipes import RecordedHarness, module_at

PROFILE = "cpu"
CUT_BYTES = 32
LEAST_RISE = 1.05
"""Of the score, when the context is cut."""
WORLDS, MICRO_LOOKS = 3, 3
GOOD_ORDERS = (5, 6, 7)
"""Of n-gram mixtures, the best of which is compared with."""
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


def evaluated(
    source: str,
    data_dir: Path,
    *,
    profile: str,
    purpose: Purpose,
    seed: int,
    cap: int | None = None,
    calibration: Calibration | None = None,
) -> tuple[Outcome, float]:
    """One evaluation as a run would make it, and its seconds from outside."""
    task = plugin.autores_task(profile)
    limits = plugin.autores_budget(task)
    tree = FileTree({ENTRY: source.encode()})
    evaluation = Evaluation(trial=0, ordinal=0, purpose=purpose, commit="c", seeds=(seed,))
    request = EvaluationRequest(
        evaluation=evaluation,
        tree=tree.id,
        task=task,
        plugin=plugin.__name__,
        limits=replace(
            limits,
            artifact_bytes=cap or limits.artifact_bytes,
        ),
        data_dir=str(data_dir),
        secret=os.urandom(16).hex(),
        calibration=calibration,
    )
    with tempfile.TemporaryDirectory() as name:
        folder, key = Path(name), os.urandom(32)
        write_bundle(folder / "bundle", [request], {"c": {ENTRY: source.encode()}})
        begun = time.perf_counter()
        run_job(read_bundle(folder / "bundle"), {key_name(evaluation): key}, folder)
        seconds = time.perf_counter() - begun
        return verify((folder / "0.json").read_bytes(), key, evaluation, tree.id), seconds


def measure(
    source: str, data_dir: Path, *, seed: int = 11, profile: str = PROFILE
) -> tuple[Outcome, float]:
    """A look at the seed recipe, or at what was made of it.

    Raises:
        RuntimeError: It has no score.
    """
    outcome, seconds = evaluated(
        source, data_dir, profile=profile, purpose=Purpose.CALIBRATE, seed=seed
    )
    if outcome.score is None:
        raise RuntimeError(f"the seed recipe failed: {outcome.cause.value}: {outcome.detail}")
    return outcome, seconds


# ------------------------------------------------------------------------------ the artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The seed recipe, trained outside of any sandbox."""

    artifact: bytes
    integers: bytes
    """A byte for each."""
    coded: int
    """Bytes of the same, as the recipe codes them."""


def trained(train: Path, seconds: float) -> Trained:
    """Train the seed recipe on the shards of a folder."""
    harness = RecordedHarness(seconds)
    harness.data = str(train)
    seed = _loaded(recipe(), harness)
    coded: dict[str, Any] = {}
    streams: list[bytes] = []
    pack, encode = seed.pack, seed.encode
    seed.pack = lambda found, plain: coded.update(found) or pack(found, plain)
    seed.encode = lambda *rows: streams.append(encode(*rows)) or streams[-1]
    job = SimpleNamespace(phase="train", sizes=dict(profile_named(PROFILE).sizes), rank=0, ranks=1)
    seed.train_phase(job, seed.torch.device("cpu"))
    tables = int.from_bytes(harness.artifact[:4], "little")
    return Trained(
        artifact=harness.artifact,
        integers=b"".join(q.numpy().astype(np.int8).tobytes() for q, _ in coded.values()),
        coded=len(streams[-1]) + tables,
    )


def _loaded(source: str, harness: RecordedHarness) -> Any:
    """A recipe as a module that talks to this harness."""
    sys.modules["harness"] = harness
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, ENTRY)
        path.write_text(source)
        return module_at(path)


def coding(weights: Trained) -> Iterator[Row]:
    """How small the weights get."""
    told, ours = weights.integers, weights.coded
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


# ------------------------------------------------------------------------------------ looks


def looks(folder: Path) -> list[tuple[Outcome, float]]:
    """As many at the seed recipe as a calibration takes."""
    count = plugin.autores_task(PROFILE).calibration_looks
    return [measure(recipe(), folder, seed=11 + number) for number in range(count)]


def looked(found: Sequence[tuple[Outcome, float]], mixtures: Mapping[str, float]) -> Iterator[Row]:
    """What they took, and scored."""
    task, many = plugin.autores_task(PROFILE), len(found)
    known = calibration_of(task, [outcome for outcome, _ in found], world="", hardware="")
    assert known.score is not None
    yield Row(
        name="one trial, everything included, at most",
        value=max(seconds for _, seconds in found),
        unit="s",
        limit=90.0,
        samples=many,
    )
    best = min(mixtures, key=lambda name: mixtures[name])
    yield Row(
        name="seed recipe",
        value=known.score,
        unit="bpb",
        baseline=mixtures[best],
        compared_with=f"the best n-gram mixture under the cap ({best})",
        limit=mixtures[best],
        samples=many,
    )
    yield Row(
        name=f"its noise, sd of one look, {known.degrees_of_freedom:.0f} degrees of freedom",
        value=known.spread,
        unit="bpb",
        samples=many,
    )
    cap = plugin.autores_budget(task).artifact_bytes
    yield Row(
        name="bytes of code and weights, at most",
        value=max(o.artifact.total_bytes for o, _ in found if o.artifact is not None),
        unit="B",
        baseline=cap,
        compared_with="the cap",
        limit=cap,
        samples=many,
    )
    for name, unit in (("steps_per_second", "1/s"), ("training", "s"), ("inference", "s")):
        value = fmean(o.metrics[name] for o, _ in found)
        yield Row(name=name.replace("_", " "), value=value, unit=unit, samples=many)


def small(folder: Path) -> Row:
    """What trials of the smallest profile take."""
    data.prepare(profile_named("micro"), folder)
    seconds = [measure(recipe(), folder, seed=n, profile="micro")[1] for n in range(MICRO_LOOKS)]
    return Row(
        name="micro: one trial, everything included, at most",
        value=max(seconds),
        unit="s",
        limit=10.0,
        samples=len(seconds),
    )


def mixtures_in(prepared: data.Prepared) -> dict[str, float]:
    """The bits per byte of n-gram mixtures in the same world."""
    cap = plugin.autores_budget(plugin.autores_task(PROFILE)).artifact_bytes
    return results(Texts.of(prepared, PROFILE), cap, orders=GOOD_ORDERS)


class Part:
    """One question."""

    def __init__(self, chunk: Chunk) -> None:
        self.array, self._targets, self.nats = chunk.inputs, chunk.targets, math.nan

    def answer(self, logits: NDArray[Any]) -> None:
        """Score it."""
        self.nats = math.fsum(losses(logits, self._targets).ravel())

    def truth(self) -> NDArray[np.int64]:
        """What was right."""
        return self._targets


def bits(source: str, artifact: bytes, stream: Stream) -> float:
    """What a recipe scores with an artifact, outside of any sandbox."""
    sizes = profile_named(PROFILE).sizes
    harness = RecordedHarness()
    harness.parts = [Part(chunk) for chunk in stream.chunks(sizes["chunk"])]
    module = _loaded(source, harness)
    job = SimpleNamespace(phase="infer", sizes=dict(sizes), artifact=artifact)
    module.infer_phase(job, module.torch.device("cpu"))
    return math.fsum(part.nats for part in harness.parts) / math.log(2) / stream.bytes


def rise(stream: Stream, weights: Trained, number: int) -> Row:
    """What cutting the context costs in a world, with the same weights."""
    tokens = max(1, round(CUT_BYTES * stream.targets.size / stream.bytes))
    plain = bits(without_adaptation(recipe()), weights.artifact, stream)
    cut = bits(with_context_cut(recipe(), tokens), weights.artifact, stream)
    return Row(
        name=f"world {number}: seed recipe, learning nothing while it predicts",
        value=plain,
        unit="bpb",
        baseline=cut,
        compared_with=f"with its context cut to {CUT_BYTES} bytes as well",
        limit=cut / LEAST_RISE,
    )


def worlds(folders: Sequence[Path]) -> Iterator[Row]:
    """What context is worth in each world; and how the weights of the last one are coded."""
    profile, weights = profile_named(PROFILE), None
    for number, folder in enumerate(folders, 1):
        prepared = data.prepare(profile, folder)
        stream, _ = prepared.held_out("evaluation", profile)
        weights = trained(prepared.folder / data.TRAIN, profile.wall["train"])
        yield rise(stream, weights, number)
    assert weights is not None
    yield from coding(weights)


def run() -> Report:
    """Measure in worlds of its own."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(number)) for number in range(WORLDS)]
        Path(name).chmod(0o755)
        for folder in folders:
            folder.mkdir()
        begun = time.perf_counter()
        prepared = data.prepare(profile_named(PROFILE), folders[0])
        prepare_seconds = time.perf_counter() - begun
        rows = [
            Row(name="prepare", value=prepare_seconds, unit="s", limit=60.0),
            small(folders[0]),
            *looked(looks(folders[0]), mixtures_in(prepared)),
            *worlds(folders),
        ]
    return Report(title=f"parameter_golf, profile {PROFILE}", rows=rows)
