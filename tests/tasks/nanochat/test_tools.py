from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autores.tasks.nanochat import estimate, plugin, tools
from autores.tasks.nanochat.profiles import parameters
from autores.tools import use

for needed in ("torch", "tokenizers", "pyarrow"):
    pytest.importorskip(needed)

TASK = Path(__file__).parents[3] / "tasks" / "nanochat"
SEED = {p.name: p.read_bytes() for p in sorted(estimate.SEED.glob("*.py"))}


def _context(files: dict[str, bytes], metrics: dict[str, float], printed: str = "") -> Any:
    async def probe(argv: tuple[str, ...], *, files: Any, seconds: float) -> str:
        assert list(files) == [argv[1]]
        return printed

    return SimpleNamespace(
        task=plugin.autores_task("cpu"),
        session=SimpleNamespace(brief=SimpleNamespace(parent=4)),
        view=SimpleNamespace(trial=lambda number: SimpleNamespace(metrics=metrics)),
        workspace=SimpleNamespace(list=lambda: sorted(files), read_bytes=files.__getitem__),
        jobs=SimpleNamespace(probe=probe),
    )


def _ask(name: str, context: Any, **arguments: Any) -> str:
    (found,) = [one for one in tools.TOOLS if one.name == name]
    return asyncio.run(use(found, context, arguments))


def test_the_share_of_the_time_is_told_without_a_machine() -> None:
    told = _ask("profile", _context(SEED, {"training": 30.0}))
    assert "725,096 parameters" in told
    assert "378 steps of 2,048 tokens" in told
    assert "30 of 75 s of training (40%" in told
    assert "ratio = 12" in told and "matrix_lr = 0.02" in told


def test_an_edit_moves_the_horizon() -> None:
    source = SEED["schedule.py"].replace(b"ratio = 12.0", b"ratio = 24.0")
    told = _ask(
        "profile",
        _context({**SEED, "schedule.py": source}, {"training": 30.0, "planned_tokens": 774144}),
    )
    assert "756 steps" in told
    assert "at the parent's speed: about 60 of 75 s" in told


def test_changed_formulas_are_measured_not_guessed() -> None:
    source = SEED["model.py"].replace(b"class Block", b"class Bloc")
    told = _ask("profile", _context({**SEED, "model.py": source}, {}))
    assert told.count("use profile_pipeline") == 2


@pytest.mark.slow
@pytest.mark.parametrize("halvings", [0, 1])
def test_the_probe_measures_the_recipe(tmp_path: Path, halvings: int) -> None:
    for name, data in SEED.items():
        smaller = data.replace(b"log2(wanted))", b"log2(wanted) - %d)" % halvings)
        (tmp_path / name).write_bytes(smaller)
    (tmp_path / "harness.py").write_text("")
    sizes = json.dumps(dict(plugin.autores_task("micro").sizes))
    done = subprocess.run(
        [sys.executable, str(TASK / "probe.py"), sizes, "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    ours, usual = (parameters(plugin.autores_task(name).sizes) for name in ("micro", "cpu"))
    assert found["parameters"] == ours
    assert found["batch"] == 256 >> halvings
    assert found["training_seconds"] == pytest.approx(found["steps"] * found["seconds_per_step"])
    assert 0 < found["input_seconds_per_step"] < found["seconds_per_step"]
    told = _ask("profile_pipeline", _context(SEED, {}, done.stdout))
    assert f"{ours:,} parameters ({ours / usual - 1:+.1%} of the seed recipe's, more" in told
    assert "of 75 s of training" in told


def test_what_is_no_answer_is_shown_as_it_is() -> None:
    error = '{"error": "the recipe has changed beyond this tool: no Model"}'
    assert "beyond this tool" in _ask("profile_pipeline", _context(SEED, {}, error))
