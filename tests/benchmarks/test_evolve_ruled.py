from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from statistics import fmean

import pytest
from benchmarks.evolve_readings import READINGS
from benchmarks.evolve_ruled import Ruled, Stand
from benchmarks.evolve_table import Look, Table
from benchmarks.evolve_world import Recipes
from benchmarks.report import Machine

from autores.plugins.agents.evolve.genome import Edit, Files, Genome, apply
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.laboratory import Searcher, State, Truth, Try

GENES = {"airbench": "train.py::epochs_scale", "parameter_golf": "train_gpt.py::width_scale"}
PLAIN = Truth(height=0.0, margin=0.01, breaks=False)
FASTER = Truth(height=0.3, margin=0.01, breaks=False)
"""By fifteen standard deviations of a look, and as far from the gate as the seed recipe."""
BELOW = Truth(height=0.3, margin=-0.003, breaks=False)
"""By half a standard deviation of a look: many pass three looks."""
BROKEN = Truth(height=0.3, margin=0.01, breaks=True)


@lru_cache(maxsize=2)
def table(task: str) -> Table:
    counts = {"right": 1_900, "asked": 2_000} if task == "airbench" else {}
    seed = Look(edits=(), cause="valid", score=4.0, counts=counts, metrics={}, cpu={}, wall=4.0)
    return Table(task=task, profile="micro", machine=Machine.here(), world="w", looks=(seed,) * 3)


class Known(Recipes):
    """A number's values, and what each is worth."""

    noise, margin_sd, level = 0.02, 0.0055, math.log(4.0)

    def __init__(self, truths: Mapping[str, Truth], task: str = "airbench") -> None:
        super().__init__(table(task), READINGS[task](100))
        self.gene, self._truths = GENES[task], truths

    def told(self, genome: Genome) -> Truth:
        return self._truths[genome[self.gene].now] if self.gene in genome else PLAIN

    def taken(self, files: Files) -> float:
        return 4.0


def trying(world: Known, *values: str, seen: list[Observation] | None = None) -> Searcher:
    """One value after the other, each made of what leads."""

    def search(state: State) -> Try | None:
        if seen is not None:
            seen[:] = state.seen[::-1]
        number, genome = len(state.seen) - 1, state.head.genome
        if number >= len(values):
            return None
        now = genome[world.gene].now if world.gene in genome else "1.0"
        edit = Edit(gene=world.gene, old=now, new=values[number])
        files = apply(state.territory.files, [edit], world.moves)
        assert files is not None
        return Try(files=files, edits=(edit,))

    return search


def after(world: Known, *values: str, seed: int = 0) -> Stand:
    (stand,) = Ruled(world, trying(world, *values), seed).course([len(values)])
    return stand


def test_what_is_better_leads_and_is_kept_by_the_last_milestone() -> None:
    world = Known({"0.5": FASTER})
    stand = after(world, "0.5")
    assert (stand.kept, stand.led, stand.keeps, stand.trials) == (0.3, 0.3, True, 1)
    calibration = world.task.calibration_looks
    assert stand.looks > calibration + 2 + 4  # looks that made it lead, pairs that tested it


def test_what_is_slower_or_breaks_is_looked_at_once() -> None:
    world = Known({"2.0": Truth(height=-0.3, margin=0.05, breaks=False), "0.5": BROKEN})
    stand = after(world, "2.0", "0.5")
    assert (stand.kept, stand.led, stand.keeps) == (0.0, 0.0, False)
    assert stand.looks == world.task.calibration_looks + 2


def test_what_truly_misses_its_gate_by_little_is_hardly_ever_kept() -> None:
    world = Known({"0.5": BELOW})
    stands = [after(world, "0.5", seed=seed) for seed in range(60)]
    assert fmean(stand.keeps for stand in stands) < 0.1
    assert all(stand.kept == 0 for stand in stands)
    safe = Known({"0.5": FASTER})
    assert fmean(after(safe, "0.5", seed=seed).keeps for seed in range(20)) > 0.8


def test_a_search_is_told_what_a_run_would_tell_it() -> None:
    far = Truth(height=0.3, margin=-0.1, breaks=False)
    world, seen = Known({"0.5": FASTER, "0.4": far, "0.3": BROKEN}), list[Observation]()
    search = trying(world, "0.5", "0.4", "0.3", seen=seen)
    list(Ruled(world, search, 0).course([4]))
    root, led, missed, broken = seen
    assert root.leading and led.leading and led.parent == 0 and missed.parent == led.id
    assert led.looks > 3 and led.score == pytest.approx(4 * math.exp(-0.3), rel=0.05)
    assert (missed.fate, missed.looks, missed.worst_gate) == (Fate.MISSED, 1, "accuracy")
    assert missed.score == pytest.approx(4 * math.exp(-0.3), rel=0.1)
    assert missed.margins["accuracy"].value == pytest.approx(-0.1, abs=0.02)
    assert (broken.fate, broken.score) == (Fate.BROKEN, None)


def test_what_is_a_little_too_large_tells_its_score_and_is_not_kept() -> None:
    near, large = (Truth(height=0.3, margin=margin, breaks=False) for margin in (-0.03, -0.5))
    world, seen = Known({"1.1": near, "2.0": large}, "parameter_golf"), list[Observation]()
    world.margin_sd = 0.0
    stands = list(Ruled(world, trying(world, "1.1", "2.0", seen=seen), 0).course([3]))
    assert not stands[0].keeps
    assert [(one.fate, one.over) for one in seen[1:]] == [(Fate.MISSED, "bytes")] * 2
    assert seen[1].score == pytest.approx(4 * math.exp(-0.3), rel=0.1) and seen[2].score is None
    assert seen[1].resources["bytes"] == pytest.approx(math.exp(0.03) * 1e6, rel=1e-4)


def test_a_run_goes_on_from_where_it_might_have_ended_and_can_be_played_again() -> None:
    world = Known({"0.5": FASTER, "0.4": Truth(height=0.6, margin=0.01, breaks=False)})
    first, second = (
        list(Ruled(world, trying(world, "0.5", "0.4"), 3).course([1, 2])) for _ in range(2)
    )
    assert first == second
    assert [stand.kept for stand in first] == [0.3, 0.6] and first[0].looks < first[1].looks
