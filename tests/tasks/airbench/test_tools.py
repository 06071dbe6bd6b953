from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autores.records import Calibration
from autores.tasks.airbench import plugin
from autores.tasks.airbench.tools import knobs
from autores.tools import Tool, ToolRefused, use

pytest.importorskip("torch")
TASK = plugin.autores_task("micro")
SEED = Path(TASK.recipe.path, "train.py").read_text()
TINY = {**TASK.sizes, "widths": [8, 8, 8], "batch": 16, "test_batch": 20}
TOOLS: Mapping[str, Tool] = {t.name: t for t in plugin.autores_tools(TASK)}


class Jobs:
    """Runs probes here, in a folder of their own."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder, self.source = folder, source

    async def probe(
        self, argv: tuple[str, ...], *, files: Mapping[str, bytes], seconds: float
    ) -> str:
        for name, data in {"train.py": self.source.encode(), **files}.items():
            (self.folder / name).write_bytes(data)
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *argv[1:],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(running.communicate(), seconds)
        return said.decode()


def ask(tmp_path: Path, name: str, source: str = SEED, **arguments: Any) -> str:
    calibration = Calibration(task="airbench", profile="micro", references={"training": 2.5})
    context: Any = SimpleNamespace(
        task=replace(TASK, sizes=TINY),
        jobs=Jobs(tmp_path, source),
        view=SimpleNamespace(calibration=calibration),
        workspace=SimpleNamespace(read_bytes=lambda path: source.encode()),
    )
    return asyncio.run(use(TOOLS[name], context, arguments))


def test_only_airbench_is_offered_them() -> None:
    assert set(TOOLS) == {"param_count", "recipe_check", "profile", "smoke"}
    assert not tuple(plugin.autores_tools(replace(TASK, name="other")))


def test_parameters_are_those_of_the_edited_recipe(tmp_path: Path) -> None:
    deeper = SEED.replace("depth = 3", "depth = 4")
    numbers = [
        int(ask(tmp_path, "param_count", s).split()[2].replace(",", "")) for s in (SEED, deeper)
    ]
    assert numbers[1] - numbers[0] == 3 * (8 * 8 * 9 + 16)


def test_a_check_tells_parameters_seconds_and_knobs(tmp_path: Path) -> None:
    said = ask(tmp_path, "recipe_check", SEED.replace("lr = 9.0", "lr = 11.0"))
    assert "main net" in said
    assert f"{3 * (4_000 // 16):,} steps of " in said
    assert "(the seed recipe was measured at 2.5 s)" in said
    assert "knobs unlike the seed's: lr 9.0 → 11.0\n" in said
    assert "momentum 0.85" in said


def test_a_profile_says_where_the_time_goes(tmp_path: Path) -> None:
    said = ask(tmp_path, "profile", steps=3)
    assert "ms per step of 16 pictures" in said
    assert "convolution" in said


def test_smoke_runs_both_phases(tmp_path: Path) -> None:
    said = ask(tmp_path, "smoke")
    assert said.startswith("it runs; artifact of ")
    assert "one batch" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (".cpu().numpy()", ".cpu().numpy()[:, :9]", "it answered [20, 9]"),
        (".amax((2, 3))) * logit_scale", ".amax((2, 3))) * float('nan')", "not finite"),
        ("    out = io.BytesIO()\n", "    raise ValueError('no way')\n", "ValueError: no way"),
    ],
)
def test_smoke_tells_what_would_fail(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SEED
    assert said in ask(tmp_path, "smoke", SEED.replace(old, new))


def test_what_is_not_python_has_no_knobs() -> None:
    with pytest.raises(ToolRefused, match="not Python"):
        knobs(b"x = (")


def test_knobs_are_literals_alone() -> None:
    assert knobs(b"a = 1 / 9\nb = f(2)\nc = a\nd = (1, 2)\n") == {"a": "1 / 9", "d": "(1, 2)"}
