from __future__ import annotations

import ast
import importlib.util
import itertools
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.moves import Move
from autores.tasks.airbench.moves import MOVES, SURFACES
from autores.tasks.airbench.plugin import autores_moves
from autores.tasks.airbench.profiles import PROFILES

RECIPE = Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / "train.py"
SEED = RECIPE.read_text()
NAMES = [m.name for m in MOVES]


def test_every_surface_has_at_least_three_moves() -> None:
    counts = Counter(m.surface for m in MOVES)
    assert set(counts) == set(SURFACES)
    assert min(counts.values()) >= 3


def test_only_airbench_is_offered_them() -> None:
    assert tuple(autores_moves(SimpleNamespace(name="airbench"))) == MOVES  # type: ignore[arg-type]
    assert not tuple(autores_moves(SimpleNamespace(name="other")))  # type: ignore[arg-type]
    assert {m.path for m in MOVES} == {"train.py"}


def test_names_and_titles_are_unique() -> None:
    assert len(set(NAMES)) == len(MOVES) == len({m.title for m in MOVES})


@pytest.mark.parametrize("move", MOVES, ids=NAMES)
def test_a_move_changes_the_seed_recipe_once(move: Move) -> None:
    edited = move.apply(SEED)
    assert edited is not None and edited != SEED
    assert ast.dump(ast.parse(edited)) != ast.dump(ast.parse(SEED))
    again = move.apply(edited)
    assert again is None or ast.parse(again)


def test_two_moves_together_are_a_program_or_nothing() -> None:
    applied = 0
    for a, b in itertools.permutations(MOVES, 2):
        first = a.apply(SEED)
        assert first is not None
        second = b.apply(first)
        if second is not None:
            ast.parse(second)
            applied += 1
    assert applied > len(MOVES) ** 2 / 2


@pytest.mark.parametrize("move", MOVES, ids=NAMES)
def test_a_move_leaves_a_stranger_alone(move: Move) -> None:
    assert move.apply("x = 1\n") is None
    assert move.apply(SEED + SEED) is None


@pytest.mark.parametrize("move", MOVES, ids=NAMES)
def test_an_edited_recipe_trains_and_answers(move: Move, recorded: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    edited = move.apply(SEED)
    assert edited is not None
    (tmp_path / "edited.py").write_text(edited)
    spec = importlib.util.spec_from_file_location("edited", tmp_path / "edited.py")
    assert spec is not None and spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    np.save(tmp_path / "train_images.npy", images)
    np.save(tmp_path / "train_labels.npy", rng.integers(0, 10, 64).astype(np.uint8))
    recorded.data, recorded.questions = str(tmp_path), (images[:20],)
    sizes = {
        **PROFILES["micro"].sizes,
        "widths": [8, 8, 8],
        "proxy_widths": [4, 4, 4],
        "batch": 16,
        "epochs": 3,
        "test_batch": 20,
    }
    job = SimpleNamespace(phase="train", sizes=sizes, data=str(tmp_path))
    cpu = torch.device("cpu")
    recipe.train_phase(job, cpu)
    job = SimpleNamespace(phase="infer", sizes=sizes, artifact=recorded.artifact)
    recipe.infer_phase(job, cpu)
    assert recorded.answers[0].shape == (20, 10)
    assert np.isfinite(recorded.answers[0]).all()
