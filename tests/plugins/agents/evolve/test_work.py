from __future__ import annotations

import math

import pytest

from autores.plugins.agents.evolve.work import headroom, is_work, work_of


@pytest.mark.parametrize(
    "name",
    ["epochs", "epochs_scale", "ratio", "mlp_ratio", "depth_extra", "newton_steps", "tta",
     "Net.__init__.widths[0]", "main.fit(epochs)", "Config.layers#2", "num_iterations", "max_iters", "train_steps"],
)  # fmt: skip
def test_amounts_of_work(name: str) -> None:
    assert is_work(f"train.py::{name}")


@pytest.mark.parametrize(
    "name",
    ["lr", "warmup_steps", "momentum_steps", "ema_every", "rope_share", "keep_ratio",
     "label_smoothing", "depth=4", "tables", "Steps.__init__.lr", "first_layers", "tuned_width", "eval_iters", "save_steps"],
)  # fmt: skip
def test_other_numbers_and_choices(name: str) -> None:
    assert not is_work(f"train.py::{name}")


def test_moves_are_no_amounts() -> None:
    assert not is_work("move:more_epochs")


def test_doublings_add_up() -> None:
    assert work_of({"t.py::epochs": 1.5, "t.py::width": -0.5, "t.py::lr": 3.0}) == 1.0


def test_headroom_is_what_the_parent_leaves_of_the_time_for_training() -> None:
    assert headroom(allowed=32.0, taken=8.0, taken_at_first=8.0) == 2.0
    assert headroom(allowed=32.0, taken=64.0, taken_at_first=8.0) == -1.0
    assert headroom(allowed=0.0, taken=8.0, taken_at_first=8.0) == math.inf
    assert headroom(allowed=32.0, taken=0.0, taken_at_first=8.0) == math.inf


def test_a_training_that_the_clock_ends_has_no_headroom_to_spend() -> None:
    assert headroom(allowed=4.0, taken=8.0, taken_at_first=8.0) is None
