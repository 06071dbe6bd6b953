from __future__ import annotations

import pytest

from autores.errors import UserError
from autores.evaluator.sandbox.level import (
    Enforcement,
    Finding,
    Guarantee,
    Level,
    Output,
    Stop,
)
from autores.status import Cause, Status


def test_levels_are_ordered_and_found_by_name() -> None:
    assert Level.NONE < Level.PARTIAL < Level.FULL
    assert max(Level.PARTIAL, Level.NONE) is Level.PARTIAL
    assert [Level.named(name) for name in ("none", "partial", "full")] == sorted(Level)
    with pytest.raises(UserError, match="use one of: none, partial, full"):
        Level.named("perfect")


def test_every_limit_is_a_cause_and_a_crash_and_none_is_a_time_out() -> None:
    for stop in Stop:
        assert stop.cause.status is Status.CRASH
        assert stop.cause not in (Cause.TRAIN_TIME, Cause.INFERENCE_TIME, Cause.STALLED)


def test_a_watchdog_holds_and_nobody_does_not() -> None:
    held = {
        enforcement: Finding(guarantee=Guarantee.DISK, enforcement=enforcement, evidence="").holds
        for enforcement in Enforcement
    }
    assert held == {
        Enforcement.ENFORCED: True,
        Enforcement.WATCHDOG: True,
        Enforcement.NOT_ENFORCED: False,
    }


def test_what_was_left_out_of_output_is_counted() -> None:
    assert Output(head=b"ab", tail=b"c", size=10).omitted == 7
