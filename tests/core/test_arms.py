from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.arms import MOST_GENERIC, by_name, chosen, hidden
from autores.config import RunSettings
from autores.errors import UserError
from autores.records import Direction, Metric, Recipe, Specialist, Task


def specialist(key: str, *aliases: str) -> Specialist:
    return Specialist(key=key, title=key.title(), surfaces=("*",), aliases=aliases)


OPTIM, ARCH, ALL = specialist("optim", "opt"), specialist("arch"), specialist("generalist", "all")
KNOWN = by_name([OPTIM, ARCH, ALL])


def task(*defaults: str) -> Task:
    return Task(
        name="toy",
        title="Toy",
        metric=Metric(name="loss", direction=Direction.MINIMIZE),
        recipe=Recipe(path="/nowhere"),
        default_specialists=defaults,
    )


def test_keys_and_aliases_are_names() -> None:
    assert KNOWN == {"optim": OPTIM, "opt": OPTIM, "arch": ARCH, "generalist": ALL, "all": ALL}


@pytest.mark.parametrize("other", [specialist("optim"), specialist("other", "opt")])
def test_two_specialists_of_one_name(other: Specialist) -> None:
    with pytest.raises(UserError, match=r"two specialists are called .*switch one off with -p no:"):
        by_name([OPTIM, other])


def test_who_was_named_works_in_that_order() -> None:
    settings = RunSettings(specialists=("arch", "opt", "optim"))
    assert chosen(settings, task("generalist"), KNOWN) == [ARCH, OPTIM]


def test_else_who_the_task_names_else_the_generalist() -> None:
    assert chosen(RunSettings(), task("optim"), KNOWN) == [OPTIM]
    assert chosen(RunSettings(), task(), KNOWN) == [ALL]


def test_the_arm_of_one_generalist() -> None:
    settings = RunSettings(arm="generalist", specialists=("optim",))
    assert chosen(settings, task("arch"), KNOWN) == [ALL]


@given(st.integers(1, MOST_GENERIC))
def test_the_arm_of_equal_generalists(count: int) -> None:
    found = chosen(RunSettings(arm=f"generic:{count}"), task(), KNOWN)
    assert len({s.key for s in found}) == count
    assert {(s.title, s.surfaces, s.preamble) for s in found} == {
        (ALL.title, ALL.surfaces, ALL.preamble)
    }
    assert by_name(found)


@pytest.mark.parametrize("arm", ["generic:", "generic:0", "generic:27", "generic:x", "generic:-1"])
def test_an_arm_of_no_number(arm: str) -> None:
    with pytest.raises(UserError, match="write generic:N with N from 1 to 26"):
        chosen(RunSettings(arm=arm), task(), KNOWN)


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown specialist 'optm'; known: optim"):
        chosen(RunSettings(specialists=("optm",)), task(), KNOWN)
    with pytest.raises(UserError, match="unknown arm 'specialist'; known: specialists"):
        chosen(RunSettings(arm="specialist"), task(), KNOWN)


def test_what_an_arm_hides_is_said() -> None:
    assert hidden(RunSettings()) == ()
    assert "other sessions' trials" in hidden(RunSettings(lineage=False))[0]
