"""The loop of a session: ask the model, run its tools, ask again, until it has submitted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import groupby
from typing import Any

from autores.agent import Session
from autores.config import seconds_of
from autores.errors import AutoresError, UserError
from autores.plugins.agents.anthropic.connection import (
    Connection,
    Failed,
    Refused,
    TooLong,
    Transient,
    Turn,
)
from autores.plugins.agents.anthropic.conversation import Block, Conversation
from autores.plugins.agents.anthropic.ledger import Ledger, SpentUp
from autores.plugins.agents.anthropic.prices import Prices, Usage
from autores.plugins.agents.anthropic.settings import Settings
from autores.records import Cost

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
BYTES_PER_TOKEN = 2
"""A token has more than that in any text that we send: an estimate from above."""
MOST_CUT = 3
"""Answers in a row that were cut off, before a session is given up."""
TASK = """\
Propose one change within your surfaces, check it, and submit it once. Submit again only if
what came back points to a concrete next change."""
NUDGE = """\
You have submitted nothing. Submit your change with submit_trial, or say why there is none."""
CUT = """\
Your answer was cut off at the limit of its length, and no tool was run. Go on in smaller
steps: shorter edits, one tool at a time."""


class GaveUp(AutoresError):
    """A session that cannot go on."""


class AnthropicAgent:
    """One agent for all sessions of a run."""

    def __init__(self, settings: Settings, connection: Connection, prices: Prices) -> None:
        self._settings = settings
        self._connection = connection
        self._prices = prices
        self.ledger = Ledger(settings)

    async def run(self, session: Session) -> None:
        """Work until something was submitted and answered; see `autores.agent.Agent`."""
        own = self._settings.of(session.brief.specialist.key)
        work = Work(session, own, self._connection, self._prices, self.ledger)
        try:
            await work.go()
        except SpentUp as error:
            session.record("ended", str(error))
        finally:
            session.record("used", self.ledger.close(session))

    async def check(self) -> str:
        """Make one tiny call; see `autores.agent.Checkable`."""
        own = self._settings
        begun = time.monotonic()
        hello: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Say: ready"}]}]
        try:
            turn = await self._connection.turn(
                {"model": own.model, "max_tokens": 16, "messages": hello}
            )
        except Failed as error:
            raise UserError(
                f"the API does not answer: {error}; check key, model and network"
            ) from None
        took = time.monotonic() - begun
        dollars = self._prices.cost(own.model, turn.usage).dollars
        return f"{own.model} answered in {took:.1f} s, for ${dollars:.5f}"

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()


class Work:
    """One session's work."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        connection: Connection,
        prices: Prices,
        ledger: Ledger,
    ) -> None:
        self._session = session
        self._settings = settings
        self._connection = connection
        self._prices = prices
        self._ledger = ledger
        self._talk = Conversation(
            settings,
            session.instructions,
            session.tools.values(),
            f"{session.context}\n\n# Your task now\n\n{TASK}",
        )
        self._nudged = False
        self._cut = 0

    async def go(self) -> None:
        """Turn by turn."""
        self._record_opening()
        for _ in range(self._settings.turns):
            if self._session.stopping or not await self._step():
                return
        self._session.record("ended", f"after {self._settings.turns} answers")

    def _record_opening(self) -> None:
        shared, *own = self._session.instructions
        digest = hashlib.sha256(shared.encode()).hexdigest()
        self._session.record(
            "opening",
            {
                "model": self._settings.model,
                "shared": digest,
                "own": own,
                "effort": self._settings.effort,
            },
        )

    async def _step(self) -> bool:
        """One answer and what it asks for; whether there is more to do."""
        try:
            turn = await self._persistently()
        except TooLong as error:
            self._fold(str(error))
            return True
        self._cut = self._cut + 1 if turn.stop == "max_tokens" else 0
        match turn.stop:
            case "tool_use":
                return await self._use_tools(turn)
            case "pause_turn":
                self._talk.heard(turn.blocks)
            case "max_tokens":
                self._go_on_after_cut(turn)
            case "model_context_window_exceeded":
                self._fold("the answer does not fit into the model's window")
            case "refusal":
                self._session.record("refused", turn.details)
                return False
            case _:
                return self._ended(turn)
        return True

    async def _use_tools(self, turn: Turn) -> bool:
        calls = [block for block in turn.blocks if block["type"] == "tool_use"]
        self._talk.heard(turn.blocks)
        self._talk.answer([pair async for pair in self._answers(calls)])
        if self._session.over:
            return False
        if turn.usage.prompt + turn.usage.output > self._settings.fold_at:
            self._fold()
        return True

    async def _answers(self, calls: Iterable[Block]) -> AsyncIterator[tuple[Block, str]]:
        """In the order of the calls: those that only look go together, the others alone."""
        tools = self._session.tools

        def only_looks(call: Block) -> bool:
            return call["name"] in tools and not tools[call["name"]].alone

        for together, group in groupby(calls, key=only_looks):
            batch = list(group)
            if together:
                for pair in zip(batch, await asyncio.gather(*map(self._call, batch)), strict=True):
                    yield pair
            else:
                for call in batch:
                    yield call, await self._call(call)

    async def _call(self, call: Block) -> str:
        return await self._session.call(call["name"], call["input"], call=call["id"])

    def _go_on_after_cut(self, turn: Turn) -> None:
        """A call that was cut is no call; thoughts without what they led to are dropped too."""
        if self._cut >= MOST_CUT:
            raise GaveUp(f"{MOST_CUT} answers in a row were longer than max_tokens allows")
        self._talk.heard(block for block in turn.blocks if block["type"] == "text")
        self._talk.say(CUT)

    def _ended(self, turn: Turn) -> bool:
        """The model has nothing more to say; asked once more if it has submitted nothing."""
        if self._session.submissions or self._nudged:
            return False
        self._nudged = True
        self._talk.heard(turn.blocks)
        self._talk.say(NUDGE)
        return True

    def _fold(self, why: str = "") -> None:
        """Sum the conversation up.

        Raises:
            GaveUp: That has just been done, and something still does not fit.
        """
        if why and self._talk.is_folded:
            raise GaveUp(f"a summed-up session still does not fit: {why}")
        self._talk.fold(self._session.workspace.diff())
        self._session.record("folded", "the conversation was summed up")

    # ---------------------------------------------------------------------- one request

    async def _persistently(self) -> Turn:
        """A whole turn, tried for as long as an outage may last; no tool has run before."""
        deadline = time.monotonic() + seconds_of(self._settings.outage)
        for pause in _pauses():
            try:
                return await self._once()
            except Transient as error:
                wait = max(pause, error.after or 0.0)
                self._session.record("retry", {"error": str(error), "in": round(wait, 3)})
                if time.monotonic() + wait > deadline:
                    raise GaveUp(
                        f"the API has failed for {self._settings.outage}: {error}"
                    ) from None
                await asyncio.sleep(wait)
            except TooLong:
                raise
            except Refused as error:
                raise GaveUp(f"the API refuses: {error}") from None
        raise AssertionError("pauses do not end")

    async def _once(self) -> Turn:
        request = self._talk.request()
        used = Usage()

        def meter(told: Usage) -> None:
            nonlocal used
            used = told

        async with self._ledger.call(self._session, self._worst(request)):
            try:
                turn = await self._connection.turn(request, meter)
            except asyncio.CancelledError:
                # Its price may be higher than what the API has said so far.
                self._session.record("cut off", used)
                raise
            finally:
                await self._charge(used)
        self._session.record(
            "turn",
            {
                "stop": turn.stop,
                "request": turn.request,
                "usage": turn.usage,
                "blocks": self._connection.key.scrubbed(turn.blocks),
            },
        )
        return turn

    async def _charge(self, usage: Usage) -> None:
        await self._ledger.charge(self._session, self._prices.cost(self._settings.model, usage))

    def _worst(self, request: dict[str, Any]) -> Cost:
        """The most that a request can cost: all of it new to the cache, and a full answer."""
        tokens = len(json.dumps(request)) // BYTES_PER_TOKEN
        hourly = tokens if self._settings.cache == "1h" else 0
        usage = Usage(
            write=tokens,
            write_hour=hourly,
            output=self._settings.max_tokens,
            searches=self._settings.searches,
        )
        return self._prices.cost(self._settings.model, usage)


def _pauses() -> Iterator[float]:
    """Growing, and never the same for two sessions."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, LONGEST_PAUSE)
