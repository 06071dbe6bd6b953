"""Runs a program beside a recipe, in the sandbox and politely: what tools of agents look with.

To the evaluator this is a task like any other, so that every executor can run it; but
nothing is scored, and what comes back is what the program printed.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autores import hookimpl
from autores.evaluator.arena import sandbox_for
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox import Cell, Contained, Ending, Output
from autores.evaluator.trees import FileTree
from autores.evaluator.yard import Yard, remove
from autores.records import Measurement, Outcome
from autores.status import Cause
from autores.text import excerpt

PHASE = "probe"
NICENESS = 10
KEPT = 8 << 10
"""Bytes of either end of what was printed."""


@hookimpl
def autores_evaluate(request: EvaluationRequest, tree: FileTree) -> Outcome:
    """Run `argv` among the files of the tree for so many `seconds`."""
    os.nice(NICENESS)
    with _work() as work, sandbox_for(request, work) as sandbox:
        begun = time.monotonic()
        contained = sandbox.spawn(_cell(request, Yard(tree, work, work)))
        seconds = request.limits.wall[PHASE]
        ending = contained.wait(seconds) or contained.kill()
        wall = time.monotonic() - begun
        log = _text(contained.output)
    how = _words(contained, ending, seconds)
    ran = Measurement(phase=PHASE, seed=0, wall=wall, log=log, exit=ending.code)
    if how:
        return Outcome(cause=Cause.EXITED, detail=how, measurements=(ran,))
    return Outcome(cause=Cause.VALID, score=0.0, measurements=(ran,))


@contextmanager
def _work() -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="autores-probe-"))
    work.chmod(0o711)  # candidates may be another user
    try:
        yield work
    finally:
        remove([work])


def _cell(request: EvaluationRequest, yard: Yard) -> Cell:
    place, limits = yard.place(PHASE, None), request.limits
    return Cell(
        argv=tuple(request.task.sizes["argv"]),
        code=yard.code,
        harness=yard.harness,
        out=place.out,
        memory_bytes=limits.memory_bytes,
        disk_bytes=limits.disk_bytes,
        output_bytes=limits.output_bytes,
        processes=limits.processes,
        gpus=request.gpus,
        cpus=frozenset(request.cpus) or None,
    )


def _text(output: Output) -> str:
    kept = output.head + output.tail
    if len(kept) <= 2 * KEPT:
        return excerpt(output.head, output.tail, output.omitted)
    return excerpt(kept[:KEPT], kept[-KEPT:], output.size - 2 * KEPT)


def _words(contained: Contained, ending: Ending, seconds: float) -> str:
    """Why it did not end well; nothing if it did."""
    if ending.stopped_by is not None:
        return f"stopped: over its limit of {ending.stopped_by.value}"
    if ending.killed:
        return f"stopped: it took longer than {seconds:g} s"
    if ending.signal is not None:
        return f"ended by signal {ending.signal}"
    return f"ended with exit code {ending.code}" if ending.code else ""
