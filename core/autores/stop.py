"""The end of a run, as everybody in it learns of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Stop:
    """Asked for once, with a reason; sessions then finish what they have in hand."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is stopped yet.

        Args:
            clock: UNIX time.
        """
        self.clock = clock
        self.reason = ""
        self.by_person = False
        self.by_signal = False
        self._asked = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def asked(self) -> bool:
        """Whether anybody has asked."""
        return self._asked.is_set()

    def request(self, reason: str, *, by_person: bool = False) -> None:
        """Stop; the first reason stands."""
        if self.asked:
            return
        self.reason, self.by_person = reason, by_person
        self._asked.set()
        for listener in list(self._listeners):
            listener()

    async def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()

    @contextmanager
    def calling(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call a function at the stop; at once, if that has been."""
        self._listeners.append(listener)
        try:
            if self.asked:
                listener()
            yield
        finally:
            self._listeners.remove(listener)
