from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.agent import Exhausted
from autores.plugins.agents.anthropic.ledger import Ledger, SpentUp
from autores.plugins.agents.anthropic.settings import Settings
from autores.records import Budget, Cost


@dataclass
class Run:
    """What all sessions have used."""

    budget: Budget
    spent: Cost = field(default_factory=Cost)

    def session(self, name: str = "s", specialist: str = "optim") -> Any:
        run = self

        class Session:
            brief = SimpleNamespace(id=name, specialist=SimpleNamespace(key=specialist))
            budget = run.budget

            @property
            def spent(self) -> Cost:
                return run.spent

            async def charge(self, cost: Cost) -> None:
                await asyncio.sleep(0)
                run.spent += cost

        return Session()


def cost(dollars: float = 0.0, tokens: int = 0) -> Cost:
    return Cost(dollars=dollars, output_tokens=tokens)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=30), st.integers(5, 60))
def test_no_order_of_calls_breaks_the_cap(calls: list[tuple[int, int]], cap: int) -> None:
    async def scene() -> Run:
        run, ledger = Run(Budget(dollars=float(cap))), Ledger(Settings())

        async def call(number: int, worst: int, used: int) -> None:
            session = run.session(str(number))
            try:
                async with ledger.call(session, cost(worst)):
                    await asyncio.sleep(random.random() / 1000)
                    await ledger.charge(session, cost(min(used, worst)))
            except Exhausted:
                return

        await asyncio.gather(*(call(n, *pair) for n, pair in enumerate(calls)))
        return run

    run = asyncio.run(scene())
    assert run.spent.dollars <= cap + 1e-9


def test_a_call_waits_for_others_rather_than_give_up() -> None:
    async def scene() -> list[str]:
        run, ledger = Run(Budget(dollars=10.0)), Ledger(Settings())
        order: list[str] = []

        async def call(name: str, worst: float) -> None:
            async with ledger.call(run.session(name), cost(worst)):
                await asyncio.sleep(0.01)
                await ledger.charge(run.session(name), cost(1.0))
                order.append(name)

        await asyncio.gather(call("a", 8.0), call("b", 8.0))
        return order

    assert asyncio.run(scene()) == ["a", "b"]


def test_a_session_has_caps_of_its_own() -> None:
    async def scene() -> None:
        run, ledger = Run(Budget()), Ledger(Settings(session_tokens=10))
        session = run.session()
        async with ledger.call(session, cost(tokens=8)):
            await ledger.charge(session, cost(tokens=4))
        with pytest.raises(SpentUp, match="10 tokens"):
            async with ledger.call(session, cost(tokens=8)):
                pass
        assert ledger.specialists["optim"].tokens == 4
        assert ledger.close(session).tokens == 4 and ledger.close(session).tokens == 0

    asyncio.run(scene())
