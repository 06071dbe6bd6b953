"""The judge itself: what it must notice, so that no attack passes unseen."""

from __future__ import annotations

import pytest
from attack_catalogue import Attack, Terms, attacks
from attack_ground import Ground
from attack_table import Table

from autores.evaluator.sandbox import Guarantee


def attack(source: str, *needs: Guarantee, ends: str = "honest") -> Attack:
    return Attack(
        layer="judge",
        name="made up",
        title="made up",
        source=f"import os\nimport facts\nfrom honest import *\n{source}",
        ends=(ends,),
        needs=needs,
        terms=Terms(),
    )


@pytest.mark.parametrize("ground", ["none"], indirect=True)
@pytest.mark.parametrize(
    "source",
    [
        "print('THROUGH a wall')\nrun()",
        "open(facts.HOST + '/lineage.db', 'w').close()\nrun()",
        "os.unlink(facts.HOST + '/results/0.json')\nrun()",
        "os.chmod(facts.HELD_OUT, 0o755)\nrun()",
        "os.kill(facts.PID, 19)\nrun()",
        "raise SystemExit(0)",
    ],
)
def test_success_without_a_missing_guarantee_is_a_defect(source: str, ground: Ground) -> None:
    before = ground.host.snapshot()
    assert ground.run(attack(source)).silent
    assert ground.host.snapshot() == before  # put back for the next one


@pytest.mark.parametrize("ground", ["none"], indirect=True)
def test_success_where_the_doctor_says_so_is_a_row_of_the_table(ground: Ground) -> None:
    tried = attack("open(facts.HOST + '/lineage.db', 'w').close()\nrun()", Guarantee.HOST)
    ran = ground.run(tried)
    assert not ran.silent
    table = Table()
    table.add(tried, "none", ran)
    assert not table.rows[0].held
    assert "NOT ENFORCED (host)" in table.render()


@pytest.mark.parametrize("ground", ["none"], indirect=True)
def test_an_honest_recipe_is_no_attack(ground: Ground) -> None:
    ran = ground.run(attack("run()"))
    assert not ran.silent
    assert not ran.breaches


def test_names_of_attacks_are_unique_and_titles_are_sentences() -> None:
    found = list(attacks())
    assert len({(one.layer, one.name) for one in found}) == len(found) > 100
    assert all(one.title[0].isupper() and len(one.title) < 100 for one in found)
