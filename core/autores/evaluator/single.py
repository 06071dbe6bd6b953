"""One evaluation, in a process of its own that knows no key and can only describe what it saw.

    python -I -m autores.evaluator.single BUNDLE POSITION WORK STAGING DESCRIPTOR

Started by `autores.evaluator.job`, which signs what is written to the descriptor.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from autores.codec import canonical, to_json
from autores.errors import AutoresError
from autores.evaluator.arena import Arena
from autores.evaluator.bundle import BadBundle, Bundle, read_bundle
from autores.evaluator.failure import Failed
from autores.evaluator.hardening import harden
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.sandbox.launch import die_with_parent
from autores.evaluator.trees import FileTree
from autores.manager import PluginManager
from autores.records import Outcome
from autores.status import Cause
from autores.text import escape_line


def harness_failed(detail: str) -> Outcome:
    """The outcome of an evaluation that failed by our own doing."""
    return Outcome(cause=Cause.HARNESS, detail=escape_line(detail, 300))


def evaluate(bundle: Bundle, position: int, *, work: Path, staging: Path) -> Outcome:
    """Check what is to be measured and measure it; whatever happens, there is an outcome."""
    request = bundle.requests[position]
    try:
        bundle.check_code(request)
        tree = bundle.tree(request)
        with Arena(request, tree, work=work, staging=staging) as arena:
            return measure(request, tree, arena)
    except (BadBundle, AutoresError) as error:
        return harness_failed(str(error))
    except Exception as error:  # noqa: BLE001 - a task's or our own bug must not end the job
        traceback.print_exc()
        return harness_failed(f"{type(error).__name__}: {error}")


def measure(request: EvaluationRequest, tree: FileTree, arena: Arena) -> Outcome:
    """Let the task measure; what its candidate does wrong becomes the outcome."""
    manager = PluginManager()
    manager.load_module(request.plugin)
    try:
        outcome = manager.hook.autores_evaluate(request=request, tree=tree, arena=arena)
    except Failed as failure:
        return arena.failed(failure)
    if not isinstance(outcome, Outcome):
        return harness_failed(f"{request.plugin} gave {type(outcome).__name__}, not an outcome")
    return outcome


def main(arguments: Sequence[str]) -> int:
    """Run one evaluation of a bundle."""
    folder, position, work, staging, descriptor = arguments
    os.set_inheritable(int(descriptor), False)
    if sys.platform == "linux":
        die_with_parent()
    harden()
    bundle = read_bundle(Path(folder))
    outcome = evaluate(bundle, int(position), work=Path(work), staging=Path(staging))
    with os.fdopen(int(descriptor), "wb") as told:
        told.write(canonical(to_json(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
