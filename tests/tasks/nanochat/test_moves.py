from __future__ import annotations

from collections import Counter
from importlib import import_module
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from autores.moves import Move
from autores.plugins.agents.evolve.genome import ON
from autores.plugins.agents.evolve.territory import Territory
from autores.tasks.nanochat import plugin
from autores.tasks.nanochat.moves import MOVES
from autores.testing.recipes import module_at
from autores.workspace.surfaces import owned_surfaces


def test_every_surface_has_at_least_three_moves() -> None:
    counts = Counter(move.surface for move in MOVES)
    assert set(counts) == set(plugin.SURFACES)
    assert min(counts.values()) >= 3


def test_who_owns_its_surface_may_make_it() -> None:
    task = plugin.autores_task("micro")
    files = {path.name: path.read_bytes() for path in Path(task.recipe.path).glob("*.py")}
    for key in task.default_specialists:
        owner = import_module(f"autores.specialists.{key}").SPECIALIST
        if "*" in owner.surfaces:
            continue  # turns the literals of all
        own = [move for move in MOVES if move.surface in owned_surfaces(task, owner)]
        territory = Territory(task, owner, files)
        assert all(territory.offers(move, ON) for move in own)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_a_recipe_with_it_trains_and_answers(move: Move, edited_recipe: Any) -> None:
    with edited_recipe(move) as recipe:
        model = recipe.model.Model(recipe.model.Shape.of(recipe.sizes))
        model.reset()
        horizon = recipe.schedule.Horizon.of(recipe.sizes, model.scaling_parameters())
        sizes = recipe.train.fitted(recipe.sizes, horizon, 1)
        passes = recipe.train.passes_per_step(horizon, sizes, 1)
        batch = recipe.train.synthetic(sizes, recipe.train.torch.device("cpu"))
        recipe.train.train(model, model, repeat(batch), horizon, 3, passes, 1)
        model.load_state_dict(recipe.serve.unpack(recipe.serve.pack(model)))
        assert all(p.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", ["whole_weights", "whole_head"])
def test_finer_weights_cost_bytes(name: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (move,) = (move for move in MOVES if move.name == name)
    source = Path(plugin.autores_task("micro").recipe.path, move.path).read_text()
    edited = move.apply(source)
    assert edited is not None
    model = torch.nn.Module()
    model.head = torch.nn.Linear(40, 50, bias=False)
    sizes = []
    for text in (source, edited):
        file = tmp_path / f"serve{len(sizes)}.py"
        file.write_text(text)
        serve = module_at(file)
        packed = serve.pack(model)
        assert serve.unpack(packed)["head.weight"].shape == (50, 40)
        sizes.append(len(packed))
    assert sizes[1] > 1.9 * sizes[0] - 200
