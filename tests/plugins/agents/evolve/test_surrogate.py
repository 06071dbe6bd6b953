from __future__ import annotations

import numpy as np
import pytest

from autores.plugins.agents.evolve.surrogate import Surrogate


def test_learns_a_curve_and_knows_what_it_does_not_know() -> None:
    points = [{"a": x} for x in np.linspace(-2, 2, 9)]
    model = Surrogate(points, [-((p["a"] - 1) ** 2) for p in points], [1e-6] * 9)
    seen = model.predict([{"a": 0.75}, {"b": 1.5}])
    assert seen.mean[0] == pytest.approx(-0.0625, abs=0.1)
    assert seen.sd[0] < 0.2 * seen.sd[1]


def test_effects_of_different_genes_add_up() -> None:
    points = [{}, {"a": 1.0}, {"b": 1.0}, {"c": 1.0}, {}, {"a": 1.0}, {"b": 1.0}]
    model = Surrogate(points, [0.0, 0.3, 0.2, -0.4, 0.0, 0.3, 0.2], [1e-4] * 7)
    gain, _ = model.predict([{}, {"a": 1.0, "b": 1.0}, {"c": 1.0}]).against_first()
    assert gain[1] == pytest.approx(0.5, abs=0.12)
    assert gain[2] == pytest.approx(-0.4, abs=0.1)


def test_a_gene_never_measured_is_expected_to_do_nothing() -> None:
    model = Surrogate([{}, {"a": 1.0}], [0.0, 0.5], [1e-4] * 2)
    gain, sd = model.predict([{}, {"new": 1.0}]).against_first()
    assert abs(gain[1]) < 0.1 and sd[1] > 0.05 and sd[0] == pytest.approx(0, abs=1e-6)


def test_what_was_tried_in_vain_promises_less_than_what_nobody_has_tried() -> None:
    points = [{}, {"a": 1.0}, {"b": -1.0}, {"a": -1.0}] * 3
    model = Surrogate(points, [0.01, -0.01, 0.0, 0.01] * 3, [1e-4] * 12)
    _, sd = model.predict([{}, {"a": 2.0}, {"new": 2.0}]).against_first()
    assert sd[2] > 2 * sd[1]


def test_more_work_is_expected_to_pay_until_it_is_seen_not_to() -> None:
    once = Surrogate([{}], [0.0], [0.01], doubled=1.0)
    gain, _ = once.predict([{}, {"t.py::epochs": 1.0}, {"t.py::lr": 1.0}]).against_first()
    assert gain == pytest.approx([0.0, 0.1, 0.0])
    points = [{}, {"t.py::epochs": 1.0}, {"t.py::epochs": -1.0}] * 4
    often = Surrogate(points, [0.0, -0.2, 0.2] * 4, [0.01] * 12, doubled=1.0)
    gain, _ = often.predict([{}, {"t.py::epochs": 1.0}]).against_first()
    assert gain[1] < -0.1


def test_noise_is_not_learnt() -> None:
    draw = np.random.default_rng(0)
    points = [{"a": x} for x in draw.uniform(-2, 2, 60)]
    model = Surrogate(points, list(draw.normal(0, 0.1, 60)), [0.01] * 60)
    assert np.abs(model.predict([{"a": x} for x in (-1.5, 0.0, 1.5)]).mean).max() < 0.06


def test_one_observation_is_enough_to_begin() -> None:
    assert Surrogate([{}], [3.0], [0.01]).predict([{}]).mean[0] == pytest.approx(3.0)
