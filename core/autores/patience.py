"""How long an agent may work: its own time counts, and there is a grace after the stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autores.stop import Stop


class Patience:
    """A clock that stands still while the agent waits for others."""

    def __init__(self, limit: asyncio.Timeout, thinking: float, grace: float) -> None:
        self._limit = limit
        self._left = thinking
        self._grace = grace
        self._since: float | None = None
        """When the agent began to work; None while it waits."""

    def work(self, working: bool) -> None:
        """The agent gets the word, or waits for somebody else."""
        now = asyncio.get_running_loop().time()
        if self._since is not None:
            self._left -= now - self._since
        self._since = now if working else None
        self._limit.reschedule(now + self._left if working else None)

    def shorten(self) -> None:
        """The run ends: what is left is the grace at most."""
        waiting = self._since is None
        self.work(False)
        self._left = min(self._left, self._grace)
        self.work(not waiting)


@asynccontextmanager
async def patience(stop: Stop, thinking: float, grace: float) -> AsyncIterator[Patience]:
    """End what is within after so many seconds of work, or of grace after the stop.

    Raises:
        TimeoutError: It took too long.
    """
    async with asyncio.timeout(None) as limit:
        clock = Patience(limit, thinking, grace)
        clock.work(True)
        with stop.calling(clock.shorten):
            yield clock
