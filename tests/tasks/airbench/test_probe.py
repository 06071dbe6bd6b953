from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autores.tasks.airbench.profiles import PROFILES

pytest.importorskip("torch")
TASK = Path(__file__).parents[3] / "tasks" / "airbench"
TINY = {**PROFILES["micro"].sizes, "widths": [8, 8, 8], "batch": 16}


def _ask(
    tmp_path: Path, question: str, sizes: dict[str, Any], *rest: str, code: Path = TASK / "recipe"
) -> tuple[int, dict[str, Any]]:

    done = subprocess.run(
        [sys.executable, str(TASK / "probe.py"), str(code), question, json.dumps(sizes), *rest],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_parameters_of_the_published_shapes(tmp_path: Path) -> None:
    code, answer = _ask(tmp_path, "count", dict(PROFILES["paper"].sizes))
    assert code == 0
    assert answer["main"]["parameters"] == 9_918_776
    assert answer["proxy"]["parameters"] == 146_744
    assert answer["proxy"]["trained"] < answer["proxy"]["parameters"]


def test_a_profile_says_where_the_time_goes(tmp_path: Path) -> None:
    code, answer = _ask(tmp_path, "profile", TINY, "4")
    assert code == 0
    assert answer["seconds_per_step"] > 0
    assert 0 < answer["input_share"] < 1
    assert answer["pictures_per_second"] == pytest.approx(16 / answer["seconds_per_step"])
    assert answer["peak_memory_bytes"] > 1e7
    assert any("convolution" in name for name in answer["shares"])
    assert sum(answer["shares"].values()) <= 1.001


def test_a_recipe_that_moved_on_is_named_so(tmp_path: Path) -> None:
    code_folder = tmp_path / "code"
    code_folder.mkdir()
    (code_folder / "train.py").write_text("x = 1\n")
    code, answer = _ask(tmp_path, "count", TINY, code=code_folder)
    assert code == 1
    assert "build" in answer["error"]
