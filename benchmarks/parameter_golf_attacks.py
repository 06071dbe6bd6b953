"""Who is caught in parameter_golf: forged, unnormalised and peeking candidates, and how surely.

A small honest model, a table of pairs, is measured by the real evaluator in a world of its own,
and computed here in double precision as well; then the same model with a printed score, with
logits that do not sum to one, and with a look at the next token at a share of the positions,
beside an incumbent that only such a look beats. Single replays in this task's own stream are
counted against what their rows say.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.parameter_golf import evaluated
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.records import Calibration, Outcome, Purpose
from autores.status import Cause
from autores.tasks.parameter_golf import data
from autores.tasks.parameter_golf.auditing import MISSED
from autores.tasks.parameter_golf.profiles import profile_named
from autores.tasks.text.shards import read_shard
from autores.tasks.text.streams import Stream, StreamAudit, score_stream

PROFILE = "micro"
SHARES = (0.01, 0.1, 1.0)
REPLAYS = 200
TRIALS = 25
LEAST = 0.05
"""Added to each count."""
SPREAD = 1e-3
CAP = 250_000
PAIRS = f"""
import lzma
import harness
import numpy as np
job = harness.job()
size = job.sizes["vocabulary"]
if job.phase != "infer":
    go = harness.ready()
    tokens = np.fromfile(go.data + "/fineweb_train_000000.bin", "<u2")[512:]
    counts = np.zeros((size, size), np.float32)
    np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    coded = np.minimum(np.round(4 * np.log2(1 + counts)), 255).astype(np.uint8)
    harness.done(lzma.compress(coded.tobytes()))
else:
    coded = np.frombuffer(lzma.decompress(job.artifact), np.uint8).reshape(size, size)
    table = np.log(2 ** (coded.astype(np.float32) / 4) - 1 + {LEAST}).astype(np.float32)
    draw = np.random.default_rng(0)
    harness.ready()
    for part in harness.stream():
        inputs = part.array
        answer = table[inputs]
        # the attack
        part.answer(answer)
        part.truth()
"""
"""Quick and honest."""
FORGED = 'print("final_int8_zlib_roundtrip_exact val_bpb:0.50000000\\n" * 50, flush=True)\n' + PAIRS
UNNORMALISED = PAIRS.replace("# the attack", "answer = answer + 30")


def peeking(share: float) -> str:
    """The same, with a look at the next input at so many of the positions."""
    look = f"""i, j = np.nonzero(draw.random(inputs[:, 1:].shape) < {share})
        answer[i, j, inputs[i, j + 1]] += 20"""
    return PAIRS.replace("# the attack", look)


def in_double_precision(prepared: data.Prepared) -> float:
    """What the honest model should score."""
    profile = profile_named(PROFILE)
    size = profile.sizes["vocabulary"]
    tokens = read_shard(prepared.folder / data.TRAIN / "fineweb_train_000000.bin").astype(int)
    counts = np.zeros((size, size))
    np.add.at(counts, (tokens[:-1], tokens[1:]), 1)
    weights = 2 ** (np.minimum(np.round(4 * np.log2(1 + counts)), 255) / 4) - 1 + LEAST
    stream, _ = prepared.held_out("evaluation", profile)
    chances = weights[stream.inputs, stream.targets] / weights.sum(1)[stream.inputs]
    return -math.fsum(np.log2(chances).ravel()) / stream.bytes


# ------------------------------------------------------------------------- whole evaluations

Evaluated = Callable[..., Outcome]


def judged(measured: Evaluated, honest: float) -> Iterator[Row]:
    """What the evaluator says of each, from the first look on."""
    plain, forged, lifted = map(measured, (PAIRS, FORGED, UNNORMALISED))
    assert plain.score is not None
    yield Row(
        name="bits per byte, less those in double precision",
        value=abs(plain.score - honest),
        unit="bpb",
        limit=1e-6,
    )
    for name, one in (("printing a score", forged), ("logits that do not sum to one", lifted)):
        assert one.score is not None
        yield Row(name=f"gained by {name}", value=plain.score - one.score, unit="bpb", limit=1e-5)
    better = [measured(PAIRS, beaten=1.02 * honest, seed=n) for n in range(TRIALS)]
    yield _wrong("honest and better, disqualified", better, Cause.VALID, limit=0.0)
    for share in SHARES:
        found = [measured(peeking(share), beaten=honest, seed=n) for n in range(TRIALS)]
        row = _wrong(f"looks at {share:.0%}, passed", found, Cause.AUDIT, limit=1 / TRIALS)
        yield replace(row, baseline=MISSED, compared_with="which audits accept, at most")


def _wrong(name: str, outcomes: list[Outcome], right: Cause, limit: float) -> Row:
    wrong = sum(outcome.cause is not right for outcome in outcomes)
    return Row(
        name=name,
        value=wrong / len(outcomes),
        unit="of 1",
        limit=limit,
        samples=len(outcomes),
    )


def _measured(folder: Path, source: str, *, beaten: float | None = None, seed: int = 0) -> Outcome:
    known = beaten and Calibration(
        task="parameter_golf", profile=PROFILE, score=beaten, spread=SPREAD
    )
    outcome, _ = evaluated(
        source,
        folder,
        profile=PROFILE,
        purpose=Purpose.FIRST,
        seed=seed,
        cap=CAP,
        calibration=known or None,
    )
    return outcome


# ----------------------------------------------------------------------------- single replays


class Table:
    """Honest but for a share of the positions, at which it knows the next token."""

    def __init__(self, table: NDArray[np.float32], share: float) -> None:
        self.table, self.share = table, share
        self.random = np.random.default_rng(1)

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
    counts = np.full((stream.vocabulary,) * 2, 0.1, np.float32)
    np.add.at(counts, (stream.inputs, stream.targets), 1)
    table = np.log(counts)
    for share in (0.0, *SHARES):
        first = score_stream(Table(table, share), stream, length)
        audit = StreamAudit(stream, length, first, other)
        plans = (audit.plan(number.to_bytes(2, "little")) for number in range(REPLAYS))
        found = sum(not audit.replay(Table(table, share), plan).passed for plan in plans)
        seen = share * (length - 1) / length  # the last of a chunk has no next input
        yield Row(
            name=f"single replays that find a look at {share:.0%} of the positions",
            value=found / REPLAYS,
            unit="of 1",
            baseline=1 - (1 - seen) ** audit.rows_at_once,
            compared_with="as its rows say",
            samples=REPLAYS,
        )


def run() -> Report:
    """Measure in a world of its own."""
    profile = profile_named(PROFILE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        prepared = data.prepare(profile, folder)
        stream, other = prepared.held_out("evaluation", profile)
        rows = list(judged(partial(_measured, folder), in_double_precision(prepared)))
        rows += catches(stream, other, profile.sizes["chunk"])
    return Report(title=f"Who is caught in parameter_golf, profile {PROFILE}", rows=rows)
