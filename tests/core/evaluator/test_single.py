from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autores.evaluator.bundle import read_bundle, write_bundle
from autores.evaluator.request import EvaluationRequest
from autores.evaluator.single import evaluate
from autores.evaluator.trees import FileTree
from autores.records import Evaluation, Outcome, Purpose
from autores.status import Cause
from autores.testing import toy

HEAD = """
from autores import hookimpl
from autores.errors import UserError
from autores.evaluator.arena import Failed
from autores.records import Outcome, Sample
from autores.status import Cause

@hookimpl
def autores_evaluate(request, tree, arena):
"""
Run = Callable[[str], Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Evaluates with a task plugin whose hook has this body."""

    def run(body: str) -> Outcome:
        (tmp_path / "a_task.py").write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "a_task", raising=False)
        files = {"fit.py": b"degree = 4\n"}
        request = EvaluationRequest(
            evaluation=Evaluation(
                trial=1, ordinal=0, purpose=Purpose.FIRST, commit="c", seeds=(7,)
            ),
            tree=FileTree(files).id,
            task=replace(toy.autores_task(""), gates=()),
            plugin="a_task",
            limits=toy.autores_budget(toy.autores_task("")),
            data_dir=str(tmp_path),
            secret="00" * 16,
        )
        write_bundle(tmp_path / "bundle", [request], {"c": files})
        (tmp_path / "work").mkdir()
        bundle = read_bundle(tmp_path / "bundle")
        return evaluate(bundle, 0, work=tmp_path / "work", staging=tmp_path / "work")

    yield run  # type: ignore[misc]
    sys.modules.pop("a_task", None)


def test_a_task_sees_request_tree_and_arena(run: Run) -> None:
    outcome = run("""
        assert tree.read("fit.py") == b"degree = 4\\n"
        arena.record(Sample(seed=request.evaluation.seeds[0], score=2.0, counts={"asked": 3}))
        return arena.outcome(2.0)
    """)
    assert (outcome.cause, outcome.score, outcome.counts) == (Cause.VALID, 2.0, {"asked": 3})


def test_a_failure_of_the_candidate_keeps_what_was_measured(run: Run) -> None:
    outcome = run("""
        arena.record(Sample(seed=7, score=2.0, counts={"asked": 3}, metrics={"accuracy": 0.5}))
        raise Failed(Cause.GATE, "hopeless\\x1b[31m")
    """)
    assert (outcome.cause, outcome.score, outcome.counts) == (Cause.GATE, None, {"asked": 3})
    assert outcome.metrics == {"accuracy": 0.5}
    assert outcome.detail == "hopeless\\x1b[31m"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("raise ZeroDivisionError('by task')", "ZeroDivisionError: by task"),
        ("raise UserError('not prepared; run: autores prepare')", "not prepared"),
        ("return None", "NoneType, not an outcome"),
        ("return 0.5", "float, not an outcome"),
        ("return Outcome(cause=Cause.VALID, score=float('nan'))", "not a finite number"),
        ("import no_such_module", "no_such_module"),
    ],
)
def test_a_failure_of_ours_is_never_a_score(run: Run, body: str, detail: str) -> None:
    outcome = run(body)
    assert (outcome.cause, outcome.score) == (Cause.HARNESS, None)
    assert detail in outcome.detail


def test_a_tree_that_changed_is_not_shown_to_the_task(run: Run, tmp_path: Path) -> None:
    body = "raise AssertionError('the task was called')"
    run(body)
    (tmp_path / "bundle/trees/c/fit.py").write_text("degree = 5\n")
    bundle = read_bundle(tmp_path / "bundle")
    outcome = evaluate(bundle, 0, work=tmp_path / "work", staging=tmp_path / "work")
    assert outcome.cause is Cause.HARNESS
    assert "which was submitted" in outcome.detail
