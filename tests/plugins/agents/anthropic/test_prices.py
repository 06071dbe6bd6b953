from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.plugins.agents.anthropic.prices import Prices, Usage

COUNTS = st.integers(0, 10**7)
USAGES = st.builds(Usage, input=COUNTS, output=COUNTS, write=COUNTS, read=COUNTS)


def test_a_million_of_each() -> None:
    prices = Prices.of(["m=1/10/2/0.5"])
    million = 10**6
    usage = Usage(input=million, output=million, write=million, read=million, searches=3)
    cost = prices.cost("m", usage)
    assert cost.dollars == pytest.approx(1 + 10 + 2 + 0.5 + 0.03)
    assert cost.tokens == 4 * million


def test_writing_for_an_hour_costs_more() -> None:
    prices = Prices.of(["m=4/20"])
    short = prices.cost("m", Usage(write=10**6)).dollars
    long = prices.cost("m", Usage(write=10**6, write_hour=10**6)).dollars
    assert (short, long) == (pytest.approx(5), pytest.approx(8))


def test_a_dated_id_has_the_price_of_its_model() -> None:
    prices = Prices.of(())
    assert prices.price("claude-opus-4-5-20251101") == prices.price("claude-opus-4-5") is not None
    assert prices.price("claude-opus-99") is None


def test_long_prompts_may_cost_more() -> None:
    prices = Prices.of(())
    short, long = (prices.cost("claude-haiku-5-5", Usage(read=n)).dollars for n in (10**5, 10**6))
    assert long == pytest.approx(50 * short)


@given(USAGES, USAGES)
def test_cost_adds_up_and_is_never_negative(first: Usage, second: Usage) -> None:
    prices = Prices.of(())
    both = Usage(
        input=first.input + second.input,
        output=first.output + second.output,
        write=first.write + second.write,
        read=first.read + second.read,
    )
    apart = prices.cost("claude-opus-5-5", first) + prices.cost("claude-opus-5-5", second)
    together = prices.cost("claude-opus-5-5", both)
    assert together.tokens == apart.tokens
    assert together.dollars >= 0
    assert together.dollars == pytest.approx(apart.dollars)


@pytest.mark.parametrize("said", ["m", "m=", "m=1", "m=1/2/3", "m=a/b", "m=-1/2", "m=nan/1"])
def test_what_is_no_price_is_refused(said: str) -> None:
    with pytest.raises(UserError, match="is not MODEL=INPUT/OUTPUT"):
        Prices.of([said])
