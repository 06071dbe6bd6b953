from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import evolve_kept
from benchmarks.evolve_kept import Kept, Study, kept_runs, play
from benchmarks.evolve_ruled import Stand
from benchmarks.evolve_surrogate import Surrogate
from benchmarks.evolve_world import Measured
from tests.benchmarks.test_evolve_replays import table


def runs(name: str, *gains: float | None) -> dict[int, Kept]:
    """One for each seed; None where nothing is kept, 0 where a keep is no gain."""

    def stand(gain: float | None, more: float) -> Stand:
        kept = more + gain if gain else 0.0
        return Stand(kept=kept, led=1.0, keeps=gain is not None, trials=30, looks=70)

    return {
        seed: Kept(
            searcher=name,
            seed=seed,
            ground="w 9",
            stands={30: stand(gain, 0.0), 100: stand(gain, 0.1)},
        )
        for seed, gain in enumerate(gains)
    }


def test_figures_tell_what_is_kept_how_often_and_of_how_many_looks() -> None:
    found = {"evolve": runs("evolve", 0.4, None, 0.0, 0.8), "random search": runs("r", 0.1, 0.1)}
    study = Study(world="w", best=1.0, runs=found)
    rows = {row.name: row for row in study.rows()}
    assert rows["w: share of the attainable gain kept after 30"].value == pytest.approx(30)
    assert rows["w: median of what is kept after 30, evolve"].value == pytest.approx(0.2)
    assert rows["w: kept after 100, evolve"].value == pytest.approx(0.35)
    assert rows["w: kept after 30, random search"].value == pytest.approx(0.1)
    assert rows["w: kept after 30, random search"].samples == 2
    assert rows["w: runs that keep something after 30, evolve"].value == 75
    assert rows["w: runs whose keep is no gain after 30, evolve"].value == 25
    assert rows["w: looks of 30 trials, evolve"].value == 70


def test_differences_are_taken_seed_by_seed() -> None:
    found = {"evolve": runs("evolve", 0.4, 0.8, 0.1), "random search": runs("r", 0.1, 0.5)}
    notes = list(Study(world="w", best=1.0, runs=found).notes())
    assert len(notes) == 2
    assert "evolve keeps less what random search keeps after 30 trials: +0.3000 to" in notes[0]
    assert notes[0].endswith("n = 2)")


def test_what_is_written_is_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evolve_kept, "DATA", tmp_path)
    monkeypatch.setattr(evolve_kept, "LENGTHS", (4, 8))
    found = Surrogate(table())
    worlds = Measured(found), Measured(found, generalist=True)
    names = ["random search", "local random search"]
    play(*worlds, [3], names[:1], ())
    (file,) = tmp_path.glob("kept/*.jsonl")
    first = file.read_text()
    play(*worlds, [3, 4], names, ())
    assert file.read_text().startswith(first) and len(file.read_text().splitlines()) == 4
    kept = kept_runs(found.table)
    assert {name: sorted(kept[name]) for name in kept} == {name: [3, 4] for name in names}
    one = kept[names[0]][3]
    assert one.stands.keys() == {4, 8} and one.stands[8].trials == 8
    file.unlink()
    play(*worlds, [3], names[:1], ())
    assert file.read_text() == first
