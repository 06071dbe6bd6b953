"""From an opened run to its end: signals, the baseline, what was left behind, and the loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from autores.baseline import ensure_baseline
from autores.errors import AutoresError
from autores.lineage.store import Query
from autores.loop import Loop
from autores.opening import Opened
from autores.pump import Pump, pumping
from autores.run import Run
from autores.scene import watched
from autores.stop import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def supervise(opened: Opened, stop: Stop, *, heeding: bool = True) -> None:
    """Work on a run until it ends; `stop.reason` says why.

    Args:
        opened: The run.
        stop: What ends it early.
        heeding: Whether signals stop it; where several runs work at once, somebody else heeds
            them for all.

    Raises:
        AutoresError: The run cannot go on.
        asyncio.CancelledError: Somebody asked twice to stop.
    """
    run = opened.run
    work = asyncio.ensure_future(_work(run, stop))
    with heeding_signals([stop], work) if heeding else nullcontext():
        try:
            with watched(run, stop):
                await pumping(Pump(run, stop, opened.owner), work)
        except BaseExceptionGroup as group:
            raise foremost(group) from group


async def _work(run: Run, stop: Stop) -> None:
    await recover(run)
    await ensure_baseline(run)
    await Loop(run, stop).run()


async def recover(run: Run) -> None:
    """See through the evaluations that an earlier supervisor of this run left behind."""
    left = [
        look.evaluation
        for trial in run.store.query(Query(unsettled=True))
        for look in run.store.looks(trial.id)
        if look.outcome is None
    ]
    await run.laboratory.recover(left)


@contextmanager
def heeding_signals(stops: Sequence[Stop], work: asyncio.Future[Any]) -> Iterator[None]:
    """Once: sessions finish what they have in hand. Twice: everything is ended."""

    def asked(name: str) -> None:
        if any(stop.by_signal for stop in stops):
            work.cancel()
        for stop in stops:
            stop.by_signal = True
            stop.request(name, by_person=True)

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, asked, number.name)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def foremost(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of several errors the one that a user can do something about."""
    flat = list(_flat(group))
    return next((error for error in flat if isinstance(error, AutoresError)), flat[0])


def _flat(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _flat(inner)
    else:
        yield error
