"""The porting guide's claims, held against the two scripts that it talks about."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.tasks.airbench.world import TEST_KEY, Difficulty, generate

FIXTURES = Path(__file__).parent / "fixtures"
GUIDE = Path(__file__).parents[3] / "docs" / "porting.md"


def _load(name: str) -> ModuleType:
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location(name, FIXTURES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_guide_counts_the_changed_lines() -> None:
    before, after = (
        (FIXTURES / f"{n}.py").read_text().splitlines() for n in ("standalone", "ported")
    )
    diff = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    gone, came = (sum(line[0] == sign for line in diff) for sign in "-+")
    guide = " ".join(GUIDE.read_text().split())
    assert f"script of {len(before)} lines" in guide
    assert f"**{gone} lines go, {came} come**" in guide


def test_the_guide_shows_the_port_as_it_is() -> None:
    shown = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    ported = (FIXTURES / "ported.py").read_text()
    assert len(shown) == 1
    assert shown[0] in ported


def test_script_and_port_give_the_same_answers(
    recorded: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {n: generate(TEST_KEY, n, 200, Difficulty(modes=1)) for n in ("train", "test")}
    for name, part in parts.items():
        np.save(tmp_path / f"{name}_images.npy", part.images)
        np.save(tmp_path / f"{name}_labels.npy", part.labels)
    _load("standalone").main(str(tmp_path), 7)
    said = json.loads(capsys.readouterr().out)["accuracy"]

    ported = _load("ported")
    ported.main(SimpleNamespace(phase="train", data=str(tmp_path)))
    recorded.questions = (parts["test"].images,)
    ported.main(SimpleNamespace(phase="infer", artifact=recorded.artifact))
    measured = (recorded.answers[0].argmax(1) == parts["test"].labels).mean()
    assert measured == pytest.approx(said)
    assert recorded.events[:2] == ["ready", "done"]
