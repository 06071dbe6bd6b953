from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.moves import Move
from autores.plugins.agents.evolve.genome import ON
from autores.plugins.agents.evolve.territory import Territory
from autores.tasks.parameter_golf import plugin
from autores.tasks.parameter_golf.moves import MOVES
from autores.tasks.parameter_golf.packing import ENTRY
from autores.tasks.parameter_golf.profiles import PROFILES
from autores.testing.recipes import module_at
from autores.workspace.surfaces import owned_surfaces

SEED = (Path(plugin.__file__).parent / "recipe" / ENTRY).read_text()
TINY = {
    **PROFILES["micro"].sizes,
    "vocabulary": 64,
    "width": 16,
    "depth": 2,
    "sequence": 32,
    "batch_tokens": 128,
    "chunk": 16,
}


def test_every_surface_has_at_least_three_moves() -> None:
    counts = Counter(move.surface for move in MOVES)
    assert set(counts) == set(plugin.SURFACES)
    assert min(counts.values()) >= 3


def test_who_owns_its_surface_may_make_it() -> None:
    task = plugin.autores_task("micro")
    for key in task.default_specialists:
        owner = import_module(f"autores.specialists.{key}").SPECIALIST
        if "*" in owner.surfaces:
            continue  # turns the literals of all
        own = [move for move in MOVES if move.surface in owned_surfaces(task, owner)]
        territory = Territory(task, owner, {ENTRY: SEED.encode()})
        assert all(territory.offers(move, ON) for move in own)


def test_two_together_are_a_program_or_nothing() -> None:
    pairs = [
        b.apply(first) for a, b in itertools.permutations(MOVES, 2) if (first := a.apply(SEED))
    ]
    together = [edited for edited in pairs if edited is not None]
    for edited in together[::40]:
        compile(edited, ENTRY, "exec")
    assert len(together) > len(pairs) / 2


@pytest.fixture
def plain_torch() -> Iterator[Any]:
    """As it is now, and again afterwards: some moves set switches of the whole process."""
    torch = pytest.importorskip("torch")
    yield torch
    torch.set_flush_denormal(False)
    torch.backends.mkldnn.set_flags(True)


class Part:
    """A question whose truth is told."""

    def __init__(self, random: np.random.Generator) -> None:
        self.array, self._truth = random.integers(0, TINY["vocabulary"], (2, 6, TINY["chunk"]))
        self.answered: Any = None

    def answer(self, array: Any) -> None:
        self.answered = array

    def truth(self) -> Any:
        return self._truth


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_an_edited_recipe_trains_and_predicts(
    move: Move, recorded: Any, tmp_path: Path, plain_torch: Any
) -> None:
    edited = move.apply(SEED)
    assert edited is not None
    (tmp_path / "edited.py").write_text(edited)
    recipe = module_at(tmp_path / "edited.py")
    random, cpu = np.random.default_rng(0), plain_torch.device("cpu")
    recipe.read_tokens = lambda folder: [random.integers(0, 64, 4_000).astype(np.uint16)]
    recorded.data, recorded.seconds = str(tmp_path), 60.0
    job = SimpleNamespace(phase="smoke", sizes=TINY, rank=0, ranks=1, data=str(tmp_path))
    recipe.train_phase(job, cpu)
    recorded.parts = [Part(random) for _ in range(4)]
    recipe.infer_phase(SimpleNamespace(sizes=TINY, artifact=bytes(recorded.artifact)), cpu)
    answers = [part.answered for part in recorded.parts]
    assert {answer.shape for answer in answers} == {(6, TINY["chunk"], TINY["vocabulary"])}
    assert np.isfinite(np.stack(answers)).all()
