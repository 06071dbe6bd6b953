"""Money and tokens: asked before each call, entered after it, by session and specialist."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from autores.agent import Exhausted, Session
from autores.plugins.agents.anthropic.settings import Settings
from autores.records import Budget, Cost


class SpentUp(Exception):
    """The session has used what it may use."""


class Ledger:
    """What the calls of a run have used and may still use.

    A call is let through only if its worst case fits beside what was spent and beside the
    worst cases of all calls under way, so that the caps hold whatever the model says.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._under_way = Cost()
        self._ended = asyncio.Condition()
        self.specialists: dict[str, Cost] = defaultdict(Cost)
        self.sessions: dict[str, Cost] = {}
        """Of the sessions that work now."""

    @asynccontextmanager
    async def call(self, session: Session, worst: Cost) -> AsyncIterator[None]:
        """Reserve a call's worst case; waits while only other calls stand against it.

        Raises:
            SpentUp: The session's own cap stands against it.
            Exhausted: The run's does.
        """
        own = self.sessions.get(session.brief.id, Cost()) + worst
        for why in _over(self._of_session, own):
            raise SpentUp(f"a session may use {why}")
        async with self._ended:
            while any(_over(session.budget, session.spent + self._under_way + worst)):
                for why in _over(session.budget, session.spent + worst):
                    raise Exhausted(f"another call of the model might exceed {why}")
                await self._ended.wait()
            self._under_way += worst
        try:
            yield
        finally:
            async with self._ended:
                self._under_way = _less(self._under_way, worst)
                self._ended.notify_all()

    async def charge(self, session: Session, cost: Cost) -> None:
        """Enter what a call has used, however it ended."""
        if not cost.tokens and not cost.dollars:
            return
        brief = session.brief
        self.sessions[brief.id] = self.sessions.get(brief.id, Cost()) + cost
        self.specialists[brief.specialist.key] += cost
        await session.charge(cost)

    def close(self, session: Session) -> Cost:
        """A session has ended; what it used."""
        return self.sessions.pop(session.brief.id, Cost())

    @property
    def _of_session(self) -> Budget:
        own = self._settings
        return Budget(tokens=own.session_tokens, dollars=own.session_dollars)


def _over(budget: Budget, cost: Cost) -> Iterator[str]:
    if budget.tokens is not None and cost.tokens > budget.tokens:
        yield f"{budget.tokens:,} tokens"
    if budget.dollars is not None and cost.dollars > budget.dollars:
        yield f"{budget.dollars:g} dollars"


def _less(all_of_it: Cost, part: Cost) -> Cost:
    """Both differences at zero or above: sums of floats do not cancel exactly."""
    return Cost(
        input_tokens=all_of_it.input_tokens - part.input_tokens,
        output_tokens=all_of_it.output_tokens - part.output_tokens,
        dollars=max(0.0, all_of_it.dollars - part.dollars),
    )
