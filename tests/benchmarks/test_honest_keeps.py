from __future__ import annotations

import numpy as np
import pytest
from benchmarks.honest_keeps import (
    EFFECTS,
    NULLS,
    Arm,
    figures,
    gaussian,
    heavy,
    outliers,
    run,
    run_milestone,
    run_strict,
    simulate,
    waves,
    worlds,
)

from autores.plugins.policies import milestone


def test_noise_is_what_its_name_says() -> None:
    rng, shape = np.random.default_rng(1), (400, 1000)
    assert gaussian(rng, shape).std() == pytest.approx(1, abs=0.01)
    assert heavy(rng, shape).std() == pytest.approx(1, abs=0.1)
    assert np.mean(np.abs(outliers(rng, shape)) > 3) == pytest.approx(0.037, abs=0.005)
    drift = waves(rng, 0.5, shape)
    assert drift.std() == pytest.approx(0.5, abs=0.05)
    neighbours = np.corrcoef(drift[:, 500], drift[:, 501])[0, 1]
    assert neighbours == pytest.approx(0.98, abs=0.01)
    assert not waves(rng, 0.0, (2, 3)).any()


def test_pairs_are_interleaved_so_that_a_steady_drift_cancels() -> None:
    world = next(iter(worlds(NULLS[0], 1, 10, seed=1)))
    world.noise, world.drift = [0.0] * 160, [0.1 * t for t in range(160)]
    pairs = world.pairs(Arm(truth=2.0), Arm(), 4)
    assert sum(a - b for a, b in pairs) / 4 == pytest.approx(2.0)


def test_policies_meet_the_same_world() -> None:
    a, b = (list(worlds(EFFECTS[3], 3, 20, seed=5)) for _ in range(2))
    assert [w.effects for w in a] == [w.effects for w in b]
    assert [w.noise for w in a] == [w.noise for w in b]


def test_strict_claims_about_five_times_what_is_not_there() -> None:
    strict = simulate(NULLS[0], "strict", run_strict, runs=60)
    assert 4 < strict.false_keeps < 6
    assert strict.power is None and strict.extra == 0
    assert strict.bias is not None and strict.bias > 0.4


@pytest.mark.parametrize("condition", NULLS, ids=lambda c: c.name)
def test_milestone_hardly_ever_claims_what_is_not_there(condition: object) -> None:
    ran = list(worlds(condition, 60, 200, seed=3))  # type: ignore[arg-type]
    for world in ran:
        run_milestone(world, milestone.Settings())
    assert all(world.spent <= 0.05 for world in ran)
    found = figures("null", "milestone", ran)
    assert found.false_keeps <= 0.05
    assert found.extra < 0.35


def test_the_report_holds_each_policy_to_what_was_asked() -> None:
    report = run(runs=3)
    rows = {row.name: row for row in report.rows if not row.compared_with.endswith("ments")}
    null = rows["no effect, t3: false keeps, milestone"]
    assert null.limit == 0.05 and null.baseline is not None and null.baseline > 3
    assert rows["mixed: extra measurements, milestone"].limit == 70.0
    assert rows["mixed: extra measurements, confirm"].limit is None
    assert rows["10 % of trials +3 sigma: truly better trials kept, confirm"].at_least == 0.85
    gain = rows["mixed: gain, milestone"]
    assert gain.at_least == gain.baseline and gain.compared_with == "strict, equal trials"
    assert rows["largest bias of stored estimates, keeps"].limit == 0.1
