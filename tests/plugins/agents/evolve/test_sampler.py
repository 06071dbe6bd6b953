from __future__ import annotations

from importlib.util import find_spec

import pytest

from autores.errors import UserError
from autores.plugins.agents.evolve.genome import Allele
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.knobs import find_knobs
from autores.plugins.agents.evolve.model import Yardstick
from autores.plugins.agents.evolve.sampler import (
    LocalSampler,
    OptunaSampler,
    request_of,
    sampler_named,
)
from autores.records import Direction

KNOBS = find_knobs("t.py", b'lr = 0.1\nwidth = 64\nkind = "a"  # "a" | "b"\n')
YARD = Yardstick.of(Direction.MINIMIZE, [1.0])
with_optuna = pytest.mark.skipif(find_spec("optuna") is None, reason="extra `evolve`")


def trial(number: int, rate: float, score: float | None, fate: Fate = Fate.MEASURED) -> Observation:
    genome = {"t.py::lr": Allele(origin="0.1", now=repr(rate))}
    return Observation(id=number, genome=genome, score=score, fate=fate)


SEEN = [
    trial(4, 0.15, None, Fate.PENDING),
    trial(3, 0.4, None, Fate.BROKEN),
    trial(2, 0.2, 0.8),
    trial(1, 0.05, 1.2),
]


def test_a_request_is_versioned_oldest_first_and_failures_lose() -> None:
    request = request_of(KNOBS, SEEN, YARD, seed=2**40 + 1)
    assert request["genes"] == ["t.py::lr@LOG", "t.py::width@POWER"]
    losses = [loss for _, loss in request["told"]]
    assert losses[1] < losses[0] < losses[2]
    assert request["told"][1][0] == {"t.py::lr@LOG": 1.0}
    assert len(request["pending"]) == 1 and request["seed"] == 1


def test_local_suggestions_lie_around_the_best_and_repeat() -> None:
    first = LocalSampler().suggest(KNOBS, SEEN, YARD, 7)
    assert first == LocalSampler().suggest(KNOBS, SEEN, YARD, 7) != []
    assert {gene for point in first for gene in point} <= {"t.py::lr", "t.py::width"}


def test_local_suggests_nothing_without_a_score() -> None:
    assert LocalSampler().suggest(KNOBS, SEEN[:2], YARD, 7) == []


def test_an_unknown_sampler_is_a_users_error() -> None:
    with pytest.raises(UserError, match="say local or optuna"):
        sampler_named("grid")


def test_optuna_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autores.plugins.agents.evolve.sampler.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'autores\[evolve\]'"):
        sampler_named("optuna")


@with_optuna
def test_optuna_answers_the_same_again_and_after_a_restart() -> None:
    first, second = OptunaSampler(), OptunaSampler()
    try:
        before = first.suggest(KNOBS, SEEN[2:], YARD, 3)
        grown = first.suggest(KNOBS, SEEN, YARD, 4)
        assert len(before) == 4 and set(before[0]) == {"t.py::lr", "t.py::width"}
        assert second.suggest(KNOBS, SEEN, YARD, 4) == grown
        assert first.suggest(KNOBS, SEEN[2:], YARD, 3) == before
    finally:
        first.close()
        second.close()
    assert first.suggest(KNOBS[2:], SEEN, YARD, 0) == []
