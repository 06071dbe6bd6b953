"""The porting guide's claims, held against the two scripts that it talks about."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.tasks.airbench.world import TEST_KEY, Difficulty, generate
from autores.testing.recipes import changed_lines, module_at

FIXTURES = Path(__file__).parent / "fixtures"
GUIDE = Path(__file__).parents[3] / "docs" / "porting.md"


def _load(name: str) -> ModuleType:
    pytest.importorskip("torch")
    return module_at(FIXTURES / f"{name}.py")


def test_the_guide_counts_the_changed_lines() -> None:
    before, after = FIXTURES / "standalone.py", FIXTURES / "ported.py"
    gone, came = changed_lines(before, after)
    guide = " ".join(GUIDE.read_text().split())
    assert f"script of {len(before.read_text().splitlines())} lines" in guide
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
