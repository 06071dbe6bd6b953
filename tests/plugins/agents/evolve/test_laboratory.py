from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from benchmarks.evolve_proposals import evolve, local_random, one_plus_one

from autores.plugins.agents.evolve.genome import Edit, Files, apply
from autores.plugins.agents.evolve.laboratory import (
    Course,
    Landscape,
    Searcher,
    Truth,
    run,
)
from autores.plugins.agents.evolve.settings import Settings


def test_a_landscape_is_the_same_for_its_seed_and_read_from_the_text() -> None:
    first, second, other = (Landscape(seed, gated=True) for seed in (3, 3, 4))
    edit = Edit(gene="train.py::lr", old="0.3", new="0.5")
    files = apply(first.seed_files, [edit], first.moves)
    assert files is not None
    assert first.truth(files) == second.truth(files) != other.truth(files)
    assert first.truth(first.seed_files).height == 0.0


def test_measuring_is_noisy_around_the_truth() -> None:
    land, random = Landscape(1, gated=False), Random(0)
    scores = [land.measure(land.seed_files, random)[1] for _ in range(300)]
    assert fmean(scores) == pytest.approx(10.0, rel=0.003)
    assert max(scores) > 10.1 and min(scores) < 9.9


@pytest.mark.parametrize("searcher", [local_random, one_plus_one, evolve(Settings())])
def test_a_run_is_repeatable_and_never_falls_back(searcher: Searcher) -> None:
    courses = [run(Landscape(2, gated=True), searcher, trials=12, seed=9) for _ in range(2)]
    assert courses[0].gains == courses[1].gains
    assert [o.genome for o in courses[0].seen] == [o.genome for o in courses[1].seen]


def test_a_searcher_without_a_proposal_costs_nothing() -> None:
    course = run(Landscape(2, gated=True), lambda state: None, trials=5, seed=0)
    assert course.gains == (0.0,) * 5 and len(course.seen) == 1


class _Fragile(Landscape):
    """Looks at anything but the seed recipe are splendid, but every third one breaks."""

    looks = 0

    def measure(self, files: Files, random: Random) -> tuple[Truth, float, float]:
        if files == self.seed_files:
            return super().measure(files, random)
        self.looks += 1
        return Truth(height=1.0, margin=1.0, breaks=self.looks % 3 == 0), 1.0, 1.0


def test_what_breaks_in_one_of_the_looks_that_confirm_it_does_not_lead() -> None:
    land = _Fragile(2, gated=False)
    course = run(land, local_random, trials=4, seed=1)
    assert land.looks > 4 and set(course.heads) == {0}


@pytest.mark.slow
def test_evolve_finds_a_third_more_than_local_random_search() -> None:
    def found(searcher: Searcher) -> list[Course]:
        return [
            run(Landscape(seed, gated=gated), searcher, trials=60, seed=seed)
            for seed in range(500, 505)
            for gated in (True, False)
        ]

    ours, theirs = (
        fmean(c.gains[-1] for c in found(s)) for s in (evolve(Settings()), local_random)
    )
    assert ours > 1.33 * theirs
