"""Every attack of the catalogue, at every level that this machine offers."""

from __future__ import annotations

import pytest
from attack_catalogue import Attack, attacks
from attack_ground import Ground
from attack_table import KINDS, Table

ATTACKS = [
    pytest.param(
        attack, id=f"{attack.layer}/{attack.name}", marks=[pytest.mark.slow] * attack.terms.slow
    )
    for attack in attacks()
]


@pytest.mark.parametrize("ground", KINDS, indirect=True)
@pytest.mark.parametrize("attack", ATTACKS)
def test_attack(
    attack: Attack, ground: Ground, table: Table, request: pytest.FixtureRequest
) -> None:
    level = request.node.callspec.params["ground"]
    if attack.terms.job and level == "partial (restricted)":
        pytest.skip("a job takes the better of the two ways to be partial")
    ran = ground.run(attack)
    table.add(attack, level, ran)
    assert not ran.silent, f"{ran.silent} [{ran.outcome.cause.value}: {ran.outcome.detail}]"
