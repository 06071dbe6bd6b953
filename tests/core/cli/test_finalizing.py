from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autores.testing import toy

Command = Callable[..., Any]


@pytest.fixture
def mine(place: Path) -> Path:
    recipe = Path(toy.__file__).parent / "recipe" / "fit.py"
    (place / "mine").mkdir()
    (place / "mine/fit.py").write_bytes(recipe.read_bytes())
    for words in (
        ("init", "-q"),
        ("config", "user.name", "A Person"),
        ("config", "user.email", "person@example.org"),
        ("add", "."),
        ("commit", "-qm", "Mine"),
    ):
        subprocess.run(["git", "-C", str(place / "mine"), *words], check=True)
    return place / "mine"


def test_a_branch_or_why_not(finished: Command, mine: Path) -> None:
    said = finished("finalize", "one", "--into", str(mine), "--json")
    if said.code == 2:
        assert "nothing was kept" in said.err
    else:
        assert said.json["branch"] == "autores/one"
        shown = ["git", "-C", str(mine), "rev-parse", "autores/one"]
        tip = subprocess.run(shown, check=True, capture_output=True, text=True).stdout
        assert tip.strip() == said.json["tip"]
