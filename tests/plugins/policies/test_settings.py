from __future__ import annotations

import dataclasses

import pytest

from autores.plugins.policies import confirm, milestone, strict
from autores.status import Verdict


@pytest.mark.parametrize("module", [strict, confirm, milestone])
def test_every_setting_says_what_it_does(module: object) -> None:
    settings = module.Settings  # type: ignore[attr-defined]
    assert all(f.metadata["help"] for f in dataclasses.fields(settings))
    assert settings() == settings()


def test_settings_reach_the_rules() -> None:
    changed = milestone.Settings(
        margin=2.0, drop=0.1, sure=3.0, most=4, futility=0.7, last_pairs=20
    )
    lead, claim = changed.lead_rule, changed.claim_rule
    assert (lead.margin, lead.drop, lead.sure, lead.most) == (2.0, 0.1, 3.0, 4)
    assert (claim.looks, claim.futility, claim.refused) == ((4, 6, 20), 0.7, Verdict.LEAD)
    tested = confirm.Settings(first_pairs=10, last_pairs=30).claim_rule
    assert (tested.looks, tested.refused) == ((2, 10, 30), Verdict.DISCARD)
    assert sum(claim.shares) == pytest.approx(1) == sum(tested.shares)
