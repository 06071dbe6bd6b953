from __future__ import annotations

from pathlib import Path

import pytest

from autores.moves import Move
from autores.plugins.agents.evolve.genome import OFF, ON
from autores.plugins.agents.evolve.territory import FileTree, Territory
from autores.records import Radius, Specialist
from autores.specialists.loss import SPECIALIST as LOSS
from autores.specialists.optim import SPECIALIST as OPTIM
from autores.tasks.airbench.moves import MOVES
from autores.tasks.airbench.plugin import autores_task

TASK = autores_task("micro")
FILES = {"train.py": (Path(TASK.recipe.path) / "train.py").read_bytes()}
EVERYBODY = Specialist(key="all", title="All", surfaces=("*",))


def names(specialist: Specialist) -> set[str]:
    return {k.gene.partition("::")[2] for k in Territory(TASK, specialist, FILES).knobs({})}


def test_a_specialist_turns_its_own_knobs_alone() -> None:
    assert {"lr", "momentum", "warmup"} <= names(OPTIM)
    assert {"label_smoothing", "keep", "proxy_every"} == names(LOSS)
    assert names(OPTIM) | names(LOSS) < names(EVERYBODY)


def test_every_knob_that_is_offered_is_allowed_by_the_gate() -> None:
    territory = Territory(TASK, LOSS, FILES)
    for knob in territory.knobs({}):
        other = knob.scale.value(1.0) if knob.scale else knob.choices[0]
        assert territory.allows({"train.py": knob.turn(FILES["train.py"], other)})


def test_moves_are_offered_where_they_apply_and_are_allowed() -> None:
    optim, loss = Territory(TASK, OPTIM, FILES), Territory(TASK, LOSS, FILES)
    cosine = next(move for move in MOVES if move.name == "cosine_decay")
    assert optim.offers(cosine, ON) and not optim.offers(cosine, OFF)
    assert not loss.offers(cosine, ON)


@pytest.mark.parametrize(("radius", "allowed"), [(Radius.LITERAL, False), (Radius.LOCAL, True)])
def test_a_move_beyond_the_specialists_radius_is_not_offered(radius: Radius, allowed: bool) -> None:
    narrow = Specialist(key="n", title="N", surfaces=("schedule",), radius=radius)
    cosine = next(move for move in MOVES if move.name == "cosine_decay")
    assert Territory(TASK, narrow, FILES).offers(cosine, ON) is allowed


def test_a_move_outside_the_surfaces_is_not_offered_though_it_claims_to_be_inside() -> None:
    wrong = Move(
        name="w", surface="loss", title="W", path="train.py", pieces=(("lr = 9.0", "lr = 8.0"),)
    )
    assert not Territory(TASK, LOSS, FILES).offers(wrong, ON)
    assert Territory(TASK, EVERYBODY, FILES).offers(wrong, ON)


def test_files_are_a_tree() -> None:
    tree = FileTree({"b": b"2", "a": b"1"})
    assert [*tree] == ["a", "b"] and "a" in tree and tree.read("b") == b"2"


def test_what_people_blocked_is_left_alone() -> None:
    every = {k.gene for k in Territory(TASK, EVERYBODY, FILES).knobs({})}
    gene = min(every)
    name = gene.partition("(")[2].partition(")")[0] or gene.partition("::")[2]
    path = gene.partition("::")[0]
    left = {k.gene for k in Territory(TASK, EVERYBODY, FILES, (f"{path}::{name}",)).knobs({})}
    assert gene not in left and left < every
    assert {k.gene for k in Territory(TASK, EVERYBODY, FILES, ("nowhere",)).knobs({})} == every
