from __future__ import annotations

import ast
import hashlib
from collections import Counter
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.records import Direction, Lease
from autores.tasks.parameter_golf import data, plugin
from autores.tasks.parameter_golf.moves import MOVES
from autores.tasks.parameter_golf.packing import ENTRY
from autores.tasks.parameter_golf.profiles import PROFILES
from autores.testing.recipes import top_level_names

RECIPE = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "recipe" / ENTRY


def test_every_name_of_the_recipe_belongs_to_exactly_one_surface() -> None:
    owned = Counter(s for symbols in plugin.SURFACES.values() for s in symbols)
    named = {f"{ENTRY}::{name}" for name in top_level_names(RECIPE)}
    assert set(owned) - named == {f"{ENTRY}::", f"{ENTRY}::Adapter.learn"}
    assert set(owned) >= named
    assert set(owned.values()) == {1}


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_a_whole_task(name: str) -> None:
    task, limits = plugin.autores_task(name), plugin.autores_budget(plugin.autores_task(name))
    assert (task.profile, task.metric.direction) == (name, Direction.MINIMIZE)
    assert Path(task.recipe.path, ENTRY).is_file()
    assert len(task.knowledge) == 2
    assert all(Path(p).is_file() for p in task.knowledge)
    assert task.sizes["columns"] % task.sizes["chunk"] == 0
    assert limits.artifact_bytes == task.sizes["artifact_bytes"]
    assert (limits.lease is Lease.DEVICE) == (limits.gpus > 0)


def test_the_published_rules_stand_in_paper() -> None:
    limits = plugin.autores_budget(plugin.autores_task("paper"))
    assert limits.artifact_bytes == 16_000_000
    assert (limits.wall["train"], limits.wall["inference"]) == (600, 600)
    assert limits.gpus == 8
    assert plugin.autores_task("paper").metric.noise is not None
    assert plugin.autores_task("cpu").metric.noise is None


@pytest.mark.parametrize("name", ["gpu", "paper"])
def test_a_slice_of_at_most_two_million_tokens_is_predicted(name: str) -> None:
    assert PROFILES[name].eval_tokens <= 2_000_000


def test_an_unknown_profile_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="micro"):
        plugin.autores_task("mikro")


def test_the_seed_recipe_is_the_one_that_was_frozen() -> None:
    readme = Path(__file__).parents[3] / "tasks" / "parameter_golf" / "README.md"
    assert hashlib.sha256(RECIPE.read_bytes()).hexdigest() in readme.read_text()


# --------------------------------------------------------------------------------- moves


@pytest.mark.parametrize("move", MOVES, ids=lambda m: m.name)
def test_a_move_applies_to_the_seed_recipe_and_leaves_python(move: object) -> None:
    source = RECIPE.read_text()
    edited = move.apply(source)  # type: ignore[attr-defined]
    assert edited is not None
    assert ast.dump(ast.parse(edited)) != ast.dump(ast.parse(source))


def test_moves_have_names_of_their_own_and_surfaces_that_there_are() -> None:
    assert len({move.name for move in MOVES}) == len(MOVES) > 12
    assert {move.surface for move in MOVES} <= set(plugin.SURFACES)
    assert tuple(plugin.autores_moves(plugin.autores_task("cpu"))) == MOVES


@pytest.mark.parametrize(
    ("source", "said"), [("generated", "a withheld shard"), ("fineweb", "FineWeb's validation")]
)
def test_it_says_what_a_certificate_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    found = data.Prepared(folder=tmp_path, source=source, world="w")
    monkeypatch.setattr(data, "open_prepared", lambda profile, data_dir: found)
    assert said in plugin.autores_certification(plugin.autores_task("micro"), tmp_path)
