from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.records import Direction, Lease, NoisePrior, Specialist
from autores.tasks.nanochat import data, plugin
from autores.tasks.nanochat.moves import MOVES
from autores.tasks.nanochat.profiles import PROFILES, parameters, scaling_parameters
from autores.workspace.surfaces import owned_surfaces, unowned


def _specialists() -> list[Specialist]:
    keys = plugin.autores_task("cpu").default_specialists
    return [import_module(f"autores.specialists.{key}").SPECIALIST for key in keys]


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_a_whole_task(name: str) -> None:
    task = plugin.autores_task(name)
    assert task.profile == name
    assert task.metric.direction is Direction.MAXIMIZE
    assert Path(task.recipe.path, "train.py").is_file()
    assert len(task.knowledge) == 2 and all(Path(p).is_file() for p in task.knowledge)
    limits = plugin.autores_budget(task)
    assert {"prepare", "train", "inference"} <= set(limits.wall)


def test_everything_has_an_owner_and_only_one() -> None:
    task, specialists = plugin.autores_task("cpu"), _specialists()
    assert unowned(task, specialists) == ()
    owned = {one.key: set(owned_surfaces(task, one)) for one in specialists}
    assert owned == {
        "arch": {"architecture", "inference"},
        "optim": {"optimizer"},
        "data": {"data"},
        "schedule": {"schedule"},
        "systems": {"systems"},
    }


def test_short_names_of_specialists() -> None:
    aliases = {one.key: one.aliases for one in _specialists()}
    assert [aliases[key] for key in ("optim", "schedule", "systems")] == [
        ("opt",),
        ("sched",),
        ("sys",),
    ]


def test_moves_stay_on_their_surface() -> None:
    assert {move.surface for move in MOVES} == set(plugin.SURFACES)
    assert all(move.path in plugin.SURFACES[move.surface] for move in MOVES)
    assert len({move.name for move in MOVES}) == len(MOVES)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_moves_apply_to_the_seed_recipe(move: object) -> None:
    path = Path(plugin.autores_task("cpu").recipe.path, move.path)  # type: ignore[attr-defined]
    edited = move.apply(path.read_text())  # type: ignore[attr-defined]
    assert edited is not None
    compile(edited, path.name, "exec")


def test_the_published_shapes_are_counted() -> None:
    sizes = PROFILES["paper"].sizes
    assert (parameters(sizes), scaling_parameters(sizes)) == (286_261_730, 110_100_912)


def test_short_trainings_are_noisier_than_the_published_ones() -> None:
    known = {name: plugin.autores_task(name).metric.noise for name in PROFILES}
    assert known["paper"] == known["gpu"] == NoisePrior(sd=0.010, degrees_of_freedom=3)
    for name in ("micro", "cpu"):
        noise = known[name]
        assert noise is not None and 0.010 < noise.sd < 0.030


def test_limits_follow_the_profile() -> None:
    cpu, paper = (plugin.autores_budget(plugin.autores_task(n)) for n in ("cpu", "paper"))
    assert (cpu.lease, cpu.gpus) == (Lease.HOST, 0)
    assert (paper.lease, paper.gpus, paper.wall["train"]) == (Lease.DEVICE, 8, 5_400.0)


@pytest.mark.parametrize("name", ["micro", "cpu"])
def test_the_seed_recipe_has_the_bytes_that_its_limit_is_made_of(name: str, recipe: object) -> None:
    task = plugin.autores_task(name)
    net = recipe.model.Model(recipe.model.Shape.of(task.sizes))  # type: ignore[attr-defined]
    code = sum(p.stat().st_size + len(p.name) for p in Path(task.recipe.path).glob("*.py"))
    size = len(recipe.serve.pack(net)) + code  # type: ignore[attr-defined]
    seed_bytes = PROFILES[name].seed_bytes
    assert 0.9 * seed_bytes < size <= 1.02 * seed_bytes
    assert plugin.autores_budget(task).artifact_bytes == seed_bytes * 5 // 4


def test_other_tasks_are_left_alone() -> None:
    other = replace(plugin.autores_task("cpu"), name="other")
    assert plugin.autores_moves(other) == ()
    assert plugin.autores_tools(other) == ()


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="micro"):
        plugin.autores_task("mikro")


@pytest.mark.parametrize(
    ("source", "said"), [("generated", "of the same world"), ("climbmix", "items of CORE")]
)
def test_it_says_what_a_certificate_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    profile = PROFILES["micro"]
    found = data.Prepared(folder=tmp_path, source=source, world="w", profile=profile)
    monkeypatch.setattr(data, "open_prepared", lambda profile, data_dir: found)
    assert said in plugin.autores_certification(plugin.autores_task("micro"), tmp_path)
