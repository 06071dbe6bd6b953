from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from autores.records import Artifact, Measurement, Outcome, Point, Submission, Trial
from autores.status import Cause, Status
from autores.tasks.parameter_golf import context, plugin
from autores.tasks.parameter_golf.packing import ENTRY, packed
from autores.tasks.parameter_golf.profiles import PROFILES
from autores.tasks.parameter_golf.tools import PROBE, TOOLS
from autores.tools import ToolContext

pytest.importorskip("torch")
FOLDER = Path(__file__).parents[3] / "tasks" / "parameter_golf"
SOURCE = (FOLDER / "recipe" / ENTRY).read_bytes()
TASK = plugin.autores_task("micro")
LIMIT = PROFILES["micro"].artifact_bytes
CODE = len(packed(SOURCE)) + len(ENTRY)
SUBMISSION = Submission(
    commit="c", parents=(0,), hypothesis="An idea", specialist="arch", session="s", call="1"
)
PARENT = Trial(
    id=4,
    submission=SUBMISSION,
    artifact=Artifact(sha256="0" * 64, code_bytes=CODE, weight_bytes=30_000),
    metrics={"bytes_mlp": 20_000.0},
)


class View:
    """As much of a view as tools and sections read."""

    task = TASK

    def __init__(self, failed: tuple[Trial, ...] = (), looks: Mapping[int, Any] = {}) -> None:
        self.failed, self.looked = failed, looks

    def trial(self, number: int) -> Trial:
        return replace(PARENT, id=number)

    def by_status(self, status: Status, limit: int) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.failed if trial.status is status)

    def looks(self, number: int) -> tuple[Any, ...]:
        outcome = self.looked.get(number, Outcome(cause=Cause.EXITED))
        return (SimpleNamespace(outcome=outcome),)


def _use(name: str, view: View | None = None, **arguments: Any) -> str:
    tool = next(tool for tool in TOOLS if tool.name == name)
    probed: list[tuple[Any, ...]] = []

    async def probe(argv: Any, *, files: Any, seconds: float) -> str:
        probed.append((argv, files))
        return f"{argv[2]} with {sorted(files)}"

    found = SimpleNamespace(
        task=TASK,
        view=view or View(),
        session=SimpleNamespace(brief=SimpleNamespace(parent=4)),
        workspace=SimpleNamespace(read_bytes=lambda path: SOURCE),
        jobs=SimpleNamespace(probe=probe),
    )
    return asyncio.run(cast(Any, tool.run(cast(ToolContext, found), arguments)))


def test_size_project_packs_the_code_as_it_will_be_weighed() -> None:
    said = _use("size_project")
    assert f"code {CODE:,} (parent {CODE:,}) + weights 30,000 (as the parent's)" in said
    assert f"{LIMIT - CODE - 30_000:,} bytes free" in said


def test_size_project_says_when_it_would_be_blocked() -> None:
    said = _use("size_project", weight_bytes=LIMIT)
    assert f"{CODE:,} bytes too many: it would be blocked" in said


@pytest.mark.parametrize("question", ["count", "profile", "smoke"])
def test_what_runs_code_runs_in_the_sandbox(question: str) -> None:
    tool = {"count": "param_count"}.get(question, question)
    assert _use(tool) == f"{question} with ['{PROBE}']"


def test_a_trial_without_a_curve_says_so() -> None:
    assert _use("curves", trial=7) == "trial 7: no curve\ntrial 0: no curve"


def _trained(*losses: float) -> Outcome:
    points = tuple(
        Point(step=n, seconds=float(n), values={"loss": loss}) for n, loss in enumerate(losses)
    )
    trained = Measurement(phase="train", seed=1, wall=9.0, points=points)
    return Outcome(cause=Cause.VALID, score=1.0, measurements=(trained,))


def test_a_curve_stands_beside_the_parent_s() -> None:
    view = View(looks={7: _trained(6.0, 5.0), 0: _trained(6.5, 4.5)})
    assert _use("curves", view, trial=7) == (
        "trial 7: 0.0s 6.000, 1.0s 5.000\ntrial 0: 0.0s 6.500, 1.0s 4.500"
    )


# ------------------------------------------------------------------------------ sections


def test_sections_tell_bytes_and_near_misses() -> None:
    near = replace(
        PARENT,
        id=9,
        status=Status.SIZE_BLOCKED,
        artifact=Artifact(sha256="0" * 64, code_bytes=CODE, weight_bytes=LIMIT - CODE + 500),
        metrics={"unranked_bits_per_byte": 2.5},
    )
    far = replace(near, id=10, artifact=replace(near.artifact, weight_bytes=2 * LIMIT))  # type: ignore[type-var]
    late = replace(near, id=11, status=Status.TRAIN_BUDGET_OVERRUN, artifact=None)
    late = replace(late, metrics={"unranked_bits_per_byte": 2.25})
    view: Any = View((near, far, late, replace(late, id=12, metrics={})))
    session: Any = SimpleNamespace(parent=4)
    told = {s.title: s.text for s in context.sections(view, session)}
    assert f"{LIMIT - CODE - 30_000:,} are free" in told["Bytes of the parent"]
    assert "own account: mlp 20,000" in told["Bytes of the parent"]
    misses = told["Near misses, worth repairing"]
    assert misses == (
        "0011 | trained too long | would have been 2.2500 bpb | An idea\n"
        "0009 | 500 bytes over | would have been 2.5000 bpb | An idea"
    )


def test_other_tasks_are_told_nothing() -> None:
    from autores.tasks.airbench import plugin as other

    view: Any = SimpleNamespace(task=other.autores_task("micro"))
    assert plugin.autores_context(view=view, session=None) == ()  # type: ignore[arg-type]


# --------------------------------------------------------------------------------- probe


def _probe(folder: Path, question: str) -> tuple[int, dict[str, Any]]:
    shutil.copy(FOLDER / "probe.py", folder / PROBE)
    done = subprocess.run(
        [sys.executable, PROBE, question, json.dumps(dict(TASK.sizes))],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_parameters_are_counted_by_part(tmp_path: Path) -> None:
    (tmp_path / ENTRY).write_bytes(SOURCE)
    code, answer = _probe(tmp_path, "count")
    assert code == 0
    assert answer["parameters"] == sum(answer["parts"].values()) > answer["coded"] > 0
    width, vocabulary = TASK.sizes["width"], TASK.sizes["vocabulary"]
    assert answer["parts"]["embedding"] == width * vocabulary + width


@pytest.mark.slow
def test_steps_are_timed(tmp_path: Path) -> None:
    (tmp_path / ENTRY).write_bytes(SOURCE)
    code, answer = _probe(tmp_path, "profile")
    assert code == 0
    assert answer["tokens_per_second"] == pytest.approx(
        TASK.sizes["batch_tokens"] / answer["seconds_per_step"], rel=0.01
    )
    assert 0 < sum(answer["shares"].values()) <= 1.001


def test_a_smoke_run_goes_through_both_phases(tmp_path: Path) -> None:
    (tmp_path / ENTRY).write_bytes(SOURCE)
    code, answer = _probe(tmp_path, "smoke")
    assert code == 0
    assert answer["fine"]
    assert answer["artifact_bytes"] > 10_000


def test_a_recipe_that_moved_on_is_named_so(tmp_path: Path) -> None:
    (tmp_path / ENTRY).write_bytes(b"x = 1\n")
    code, answer = _probe(tmp_path, "count")
    assert code == 1
    assert "Model" in answer["error"]
