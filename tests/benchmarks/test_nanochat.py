from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks import nanochat

from autores.tasks.nanochat.core_metric import Paper
from autores.tasks.nanochat.profiles import profile_named


def test_only_what_cannot_be_luck_counts_as_learned() -> None:
    papers = [Paper(label, 25, (None,) * 400) for label in "abc"]  # type: ignore[arg-type]
    metrics = {"accuracy_a": 0.33, "accuracy_b": 0.31, "accuracy_c": 0.2}
    exam: Any = SimpleNamespace(papers=papers)
    assert nanochat._clear(exam, metrics) == 1


def test_windows_cost_less_than_whole_attention() -> None:
    profile = profile_named("gpu")
    windows, whole = (nanochat._flops_per_token(profile, short=s) for s in (True, False))
    assert whole == 6 * 110_100_912 + 6 * 768 * 2_048 * 12
    assert windows == 6 * 110_100_912 + 6 * 768 * (9 * 512 + 3 * 2_048)


def test_the_recipe_is_loaded_and_forgotten() -> None:
    import sys

    for needed in ("torch", "tokenizers", "pyarrow"):
        pytest.importorskip(needed)
    profile = replace(profile_named("micro"), sizes={**profile_named("micro").sizes, "depth": 1})
    with nanochat.seed_recipe() as recipe:
        net = nanochat.new_net(profile, recipe)
        assert len(net.blocks) == 1
    assert "model" not in sys.modules and "harness" not in sys.modules
