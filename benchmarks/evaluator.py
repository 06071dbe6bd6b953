"""The evaluator's own share: overhead of an evaluation, and feeding 2 GiB of answers."""

from __future__ import annotations

import fcntl
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.report import Report, Row

from autores.evaluator.arena import Arena, Phase
from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.job import run_job
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Level, choose
from autores.evaluator.signing import key_name, verify
from autores.evaluator.trees import FileTree
from autores.evaluator.yard import remove
from autores.records import Evaluation, Limits, Outcome, Purpose
from autores.scoring import losses
from autores.status import Cause
from autores.tasks.airbench import plugin

TIMES = 5
LARGE_PIPE = 1 << 20
SCORED = 1 << 17
POSITIONS, VOCABULARY, ROWS_AT_ONCE = 1 << 20, 1024, 1 << 12
NULL = b"""
import harness, io
import numpy as np
job = harness.job()
if job.phase == "train":
    harness.ready()
    harness.done(b"x")
else:
    harness.ready()
    harness.serve(lambda x: np.tile(np.arange(10, dtype=np.float32), (len(x), 1)))
"""
"""A recipe that does nothing: what is left is ours."""
FEED = b"""
import harness
import numpy as np
job = harness.job()
rows, width = job.sizes["rows"], job.sizes["width"]
logits = np.zeros((rows, width), np.float16)
harness.ready()
harness.serve(lambda tokens: logits)
"""
PIPE = """
import os, sys
rows, width, times = map(int, sys.argv[1:])
logits = memoryview(bytes(2 * rows * width))
for _ in range(times):
    view = logits
    while view:
        view = view[os.write(1, view):]
"""


def run() -> Report:
    """Measure both; the sandbox is probed before, as on every machine once."""
    choose(Level.NONE).close()
    return Report(
        title="The evaluator's own share",
        rows=[_overhead(), _feeding(), _scoring()],
        notes=(
            "Overhead: one evaluation of a null recipe of airbench (micro, one seed, two "
            + "sandboxes), from the evaluator's start to the signed result, less its phases.",
            "Feeding: 4,096 positions at a time, from GO to the last answer in private memory.",
        ),
    )


def _overhead() -> Row:
    with _folder() as folder:
        shares = [_one_evaluation(folder, n) for n in range(TIMES + 1)][1:]
        bare = [_bare_process() for _ in range(TIMES)]
    return Row(
        name="overhead of an evaluation",
        value=statistics.median(shares),
        unit="s",
        baseline=statistics.median(bare),
        compared_with="a Python that imports numpy and pluggy and ends",
        limit=0.6,
        samples=TIMES,
    )


def _one_evaluation(folder: Path, number: int) -> float:
    task = plugin.autores_task("micro")
    world = plugin.autores_prepare(task, folder / "data")
    evaluation = Evaluation(
        trial=number, ordinal=0, purpose=Purpose.CALIBRATE, commit="c", seeds=(1,), world=world
    )
    request = EvaluationRequest(
        evaluation=evaluation,
        tree=FileTree({"train.py": NULL}).id,
        task=task,
        plugin="autores.tasks.airbench.plugin",
        limits=plugin.autores_budget(task),
        data_dir=str(folder / "data"),
        secret=os.urandom(16).hex(),
    )
    here = folder / str(number)
    write_bundle(here / "bundle", [request], {"c": {"train.py": NULL}})
    key = os.urandom(32)
    begin = time.perf_counter()
    run_job(read_bundle(here / "bundle"), {key_name(evaluation): key}, here)
    seconds = time.perf_counter() - begin
    outcome = verify((here / "0.json").read_bytes(), key, evaluation, request.tree)
    _require_valid(outcome)
    return seconds - outcome.wall


def _require_valid(outcome: Outcome) -> None:
    if outcome.cause is not Cause.VALID:
        raise RuntimeError(f"the null recipe failed: {outcome.cause.value}: {outcome.detail}")


def _bare_process() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", "import numpy, pluggy"], check=True)
    return time.perf_counter() - begin


def _feeding() -> Row:
    with _folder() as folder:
        seconds = [_feed(folder / str(n)) for n in range(TIMES)]
    piped = [_pipe() for _ in range(TIMES)]
    return Row(
        name="feeding 1M × 1,024 fp16 answers",
        value=statistics.median(seconds),
        unit="s",
        baseline=statistics.median(piped),
        compared_with="the same bytes through a pipe of 1 MiB, uncontained",
        limit=0.6,
        samples=TIMES,
    )


def _feed(work: Path) -> float:
    work.mkdir()
    tree = FileTree({"train.py": FEED})
    task = replace(
        plugin.autores_task("micro"),
        sizes={"rows": ROWS_AT_ONCE, "width": VOCABULARY},
        distributions=("numpy",),
    )
    request = EvaluationRequest(
        evaluation=Evaluation(
            trial=0, ordinal=0, purpose=Purpose.CALIBRATE, commit="c", seeds=(1,)
        ),
        tree=tree.id,
        task=task,
        plugin="autores.tasks.airbench.plugin",
        limits=Limits(wall={"prepare": 30.0, "inference": 60.0}, artifact_bytes=1 << 20),
        data_dir=str(work),
        secret="00" * 16,
    )
    tokens = np.zeros(ROWS_AT_ONCE, np.int64)
    with Arena(request, tree, work=work) as arena, arena.spawn(Phase.INFER, seed=1) as answerer:
        answerer.until_ready()
        answerer.go()
        for _ in range(POSITIONS // ROWS_AT_ONCE):
            answerer.ask(tokens, shape=(ROWS_AT_ONCE, VOCABULARY))
    return answerer.seconds


def _scoring() -> Row:
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (SCORED, VOCABULARY)).astype(np.float16)
    targets = random.integers(0, VOCABULARY, SCORED)
    pairs = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        losses(logits, targets)
        middle = time.perf_counter()
        _log_sum_exp(logits, targets)
        pairs.append((middle - begin, time.perf_counter() - middle))
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(
        name="scoring 128k × 1,024 fp16 answers",
        value=ours,
        unit="s",
        baseline=bare,
        compared_with="a bare numpy log-sum-exp in single precision",
        limit=1.2 * bare,
        samples=TIMES,
    )


def _log_sum_exp(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    exact = logits.astype(np.float32)
    top = exact.max(1)
    total = np.exp(exact - top[:, None]).sum(1)
    return np.asarray(np.log(total) + top - exact[np.arange(len(targets)), targets])


def _pipe() -> float:
    times = POSITIONS // ROWS_AT_ONCE
    sizes = map(str, (ROWS_AT_ONCE, VOCABULARY, times))
    answer = memoryview(np.empty((ROWS_AT_ONCE, VOCABULARY), np.float16)).cast("B")
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, LARGE_PIPE)
    with subprocess.Popen([sys.executable, "-I", "-c", PIPE, *sizes], stdout=writing):
        os.close(writing)
        select.select([reading], [], [])
        begin = time.perf_counter()
        for _ in range(times):
            view = answer
            while view:
                view = view[os.readv(reading, [view]) :]
        seconds = time.perf_counter() - begin
    os.close(reading)
    return seconds


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="autores-benchmark-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        remove([folder])
