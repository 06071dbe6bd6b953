from __future__ import annotations

import pytest
from benchmarks.evolve_measured import Study
from benchmarks.evolve_replays import SHORT, TRIALS, Replay


def runs(name: str, *gains: float) -> dict[int, Replay]:
    return {
        seed: Replay(
            searcher=name,
            seed=seed,
            ground="w 9",
            gains={SHORT: gain, TRIALS: gain + 0.1 * seed},
            failed=(4, 1, 1, 0),
            misses=2,
            repaired=1,
        )
        for seed, gain in enumerate(gains)
    }


def test_figures_tell_gains_shares_and_differences() -> None:
    kept = {
        "random search": runs("random search", 0.1, 0.1, 0.1),
        "evolve": runs("evolve", 0.4, 0.4, 0.7, 0.1),
    }
    study = Study(world="w", best=1.0, runs=kept)
    rows = {row.name: row.value for row in study.rows()}
    assert rows["w: attainable gain"] == 1.0
    assert rows["w: share of the attainable gain after 30"] == pytest.approx(40)
    assert rows["w: gain after 100, evolve"] == pytest.approx(0.55)
    assert rows["w: median gain after 30, evolve"] == pytest.approx(0.4)
    assert rows["w: gain after 30, random search"] == pytest.approx(0.1)
    assert rows["w: near misses repaired in 20 trials, evolve"] == 50
    assert rows["w: trials of 100 without a score, evolve"] == 6
    assert rows["w: trials of 100 without a score, first quarter, evolve"] == 4
    assert rows["w: trials of 100 without a score, last, evolve"] == 0
    samples = {row.name: row.samples for row in study.rows()}
    assert samples["w: gain after 30, evolve"] == 4
    assert samples["w: gain after 30, random search"] == 3


def test_differences_are_taken_seed_by_seed() -> None:
    same, more = runs("random search", 0.1, 0.5), runs("evolve", 0.4, 0.8, 0.0)
    for note, trials in zip(
        Study(world="w", best=1.0, runs={"random search": same, "evolve": more}).notes(),
        (30, 100),
        strict=True,
    ):
        assert (
            f"evolve less that of random search after {trials} trials: +0.3000 to +0.3000" in note
        )
        assert note.endswith("n = 2)")
