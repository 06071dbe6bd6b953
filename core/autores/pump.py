"""Carries every event to the plugins that listen, off the critical path, at least once."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from autores.events import Accepted, Event, Steered
from autores.opening import LEASE, SUPERVISOR
from autores.records import Trial
from autores.run import Run
from autores.status import Status
from autores.stop import Stop

NAME = "plugins"
BATCH = 200
POLL = 1.0
"""Seconds after which events of other processes are noticed."""
GATHER = 0.02
"""Seconds in which events come together before they are handed over."""
SETTLE = 1.0
"""Seconds of events that a crash may have delivered again, and that trials wait for their tags."""
STOP = "stop"
"""The action of a `Steered` event that ends a run."""

log = logging.getLogger(__name__)


class Pump:
    """Reads the chain from a cursor, so that a crash loses nothing."""

    def __init__(self, run: Run, stop: Stop, owner: str) -> None:
        self._run = run
        self._stop = stop
        self._owner = owner
        self._best: int | None = None
        self._seen: int | None = None
        self._renewed = time.monotonic()
        self._unpublished: dict[int, str] = {}
        self._remembered: int | None = None
        self._settled = -SETTLE

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self.deliver()
            self._keep_lease()
            await self._run.desk.changed(POLL)
            await asyncio.sleep(GATHER)

    def _keep_lease(self) -> None:
        now = time.monotonic()
        if now > self._renewed + LEASE / 3:
            self._run.store.lease(SUPERVISOR, self._owner, LEASE)
            self._renewed = now

    async def deliver(self, *, ending: bool = False) -> None:
        """Hand over all that is new."""
        store = self._run.store
        seen = store.cursor(NAME) if self._seen is None else self._seen
        while events := store.since(seen, limit=BATCH):
            for event in events:
                self._hand_over(event)
            self._seen = seen = events[-1].seq
            await self._point_to_best()
        now = time.monotonic()
        if ending or now > self._settled + SETTLE:
            self._settled = now
            await self._settle()

    async def _settle(self) -> None:
        """Remember what was delivered, and let people say `git log trial/0017`."""
        if self._seen is not None and self._seen != self._remembered:
            self._run.store.set_cursor(NAME, self._seen)
            self._remembered = self._seen
        if self._unpublished:
            commits, self._unpublished = self._unpublished, {}
            await self._run.desk.refs(lambda code: code.publish(commits))

    def _hand_over(self, event: Event) -> None:
        if isinstance(event.body, Steered) and event.body.action == STOP:
            self._stop.request(event.body.text or "a person asked for it", by_person=True)
        if isinstance(event.body, Accepted):
            self._unpublished[event.body.trial] = event.body.submission.commit
        try:
            self._run.plugins.hook.autores_event(
                event=event, view=self._run.view(), settings=self._run.settings
            )
        except Exception:
            log.warning("a plugin failed on event %d", event.seq, exc_info=True)

    async def _point_to_best(self) -> None:
        """Let `git log best` and `git log keeps` show what they say."""
        best = self._run.store.head().best
        if best is None or best == self._best:
            return
        self._best = best
        commit = self._run.store.get(best).submission.commit
        keeps = [t.submission.commit for t in self._keeps(best)]
        await self._run.desk.refs(lambda code: code.mark_best(commit))
        await self._run.desk.refs(lambda code: code.publish_keeps(keeps))

    def _keeps(self, best: int) -> list[Trial]:
        """The keeps that led to the best one, oldest first."""
        standing = (Status.KEEP, Status.BASELINE)
        return [trial for trial in self._run.store.path(best) if trial.status in standing]


async def pumping(pump: Pump, work: asyncio.Task[None]) -> None:
    """Deliver while `work` goes on, and what is left when it has ended."""
    background = asyncio.create_task(pump.run())
    try:
        await work
    finally:
        background.cancel()
        with suppress(asyncio.CancelledError):
            await background
        await pump.deliver(ending=True)
