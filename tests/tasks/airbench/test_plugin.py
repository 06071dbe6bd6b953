from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autores.errors import UserError
from autores.records import Lease
from autores.tasks.airbench import plugin
from autores.tasks.airbench.legality import ENTRY
from autores.tasks.airbench.moves import SURFACES
from autores.tasks.airbench.profiles import PROFILES
from autores.testing.recipes import top_level_names

RECIPE = Path(__file__).parents[3] / "tasks" / "airbench" / "recipe" / ENTRY


def test_every_name_of_the_recipe_belongs_to_a_surface_and_few_to_two() -> None:
    owned = Counter(s for symbols in plugin.SURFACES.values() for s in symbols)
    whole = {symbol for symbol in owned if "." not in symbol.removeprefix(f"{ENTRY}::")}
    assert whole == {f"{ENTRY}::{name}" for name in top_level_names(RECIPE)}
    assert {symbol.removeprefix(f"{ENTRY}::") for symbol, n in owned.items() if n > 1} == {
        "Group.forward",
        "Net.forward",
        "SGD.step",
        "update",
    }


def test_moves_and_task_speak_of_the_same_surfaces() -> None:
    assert set(plugin.SURFACES) == set(SURFACES)


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_a_whole_task(name: str) -> None:
    task = plugin.autores_task(name)
    assert (task.profile, task.seeds) == (name, {"micro": 1, "cpu": 3, "gpu": 5, "paper": 10}[name])
    assert Path(task.recipe.path, ENTRY).is_file()
    assert all(Path(p).is_file() for p in task.knowledge)
    assert len(task.knowledge) == 2


def test_only_paper_has_a_fixed_gate_and_a_published_noise() -> None:
    tasks = {name: plugin.autores_task(name) for name in PROFILES}
    assert {n: t.gates[0].at_least for n, t in tasks.items()} == {
        "micro": None,
        "cpu": None,
        "gpu": None,
        "paper": "0.96",
    }
    assert [n for n, t in tasks.items() if t.metric.noise] == ["paper"]


@pytest.mark.parametrize(("right", "short"), [(96_000, 0), (95_999, 1), (96_500, -500)])
def test_the_published_gate_counts_in_integers(right: int, short: int) -> None:
    (gate,) = plugin.autores_task("paper").gates
    assert gate.at_least is not None
    assert gate.shortfall({"right": right, "asked": 100_000}, gate.at_least) == short


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="micro"):
        plugin.autores_task("mikro")


def test_limits_follow_the_profile() -> None:
    cpu, gpu = (plugin.autores_budget(plugin.autores_task(n)) for n in ("cpu", "gpu"))
    assert (cpu.lease, cpu.gpus) == (Lease.HOST, 0)
    assert (gpu.lease, gpu.gpus) == (Lease.DEVICE, 1)
    assert (cpu.wall["prepare"], gpu.wall["prepare"]) == (10.0, 180.0)


@pytest.mark.parametrize("name", PROFILES)
def test_the_seed_recipe_has_the_bytes_that_its_limit_is_made_of(recipe: Any, name: str) -> None:
    torch = pytest.importorskip("torch")
    profile = PROFILES[name]
    state = recipe.build(profile.sizes, torch.device("cpu")).state_dict()
    weights = sum(v.numel() * (2 if v.dim() > 1 else v.element_size()) for v in state.values())
    size = weights + RECIPE.stat().st_size
    assert 0.9 * profile.seed_bytes < size <= profile.seed_bytes
    limits = plugin.autores_budget(plugin.autores_task(name))
    assert limits.artifact_bytes == int(1.25 * profile.seed_bytes)


def test_prepare_makes_the_data_of_the_profile(tmp_path: Path) -> None:
    plugin.autores_prepare(plugin.autores_task("micro"), tmp_path)
    assert (tmp_path / "airbench" / "micro" / "train_images.npy").is_file()
