"""Every attack of the catalogue, at every level that this machine offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attack_catalogue import Attack, attacks
from attack_ground import Ground
from attack_table import KINDS, Table


def _cells() -> Iterator[Any]:
    """Attacks by levels; what needs no level to be stopped runs at the worst alone, unless the
    slow tests are wanted."""
    for attack in attacks():
        for level in KINDS:
            slow = attack.terms.slow or not (attack.needs or level == "none")
            marks = [pytest.mark.slow] if slow else []
            name = f"{attack.layer}/{attack.name}-{level}"
            if not (attack.terms.job and level == "partial (restricted)"):
                # a job takes the better of the two ways to be partial
                yield pytest.param(attack, level, id=name, marks=marks)


@pytest.mark.parametrize(("attack", "ground"), list(_cells()), indirect=["ground"])
def test_attack(
    attack: Attack, ground: Ground, table: Table, request: pytest.FixtureRequest
) -> None:
    ran = ground.run(attack)
    table.add(attack, request.node.callspec.params["ground"], ran)
    assert not ran.silent, f"{ran.silent} [{ran.outcome.cause.value}: {ran.outcome.detail}]"
