from __future__ import annotations

import asyncio

from autores.stop import Stop


def test_the_first_reason_stands() -> None:
    stop = Stop()
    assert not stop.asked
    stop.request("used up: 3 trials")
    stop.request("a person", by_person=True)
    assert stop.asked
    assert (stop.reason, stop.by_person, stop.by_signal) == ("used up: 3 trials", False, False)


def test_a_person_may_ask() -> None:
    stop = Stop()
    stop.request("enough", by_person=True)
    assert stop.by_person


def test_the_clock_can_be_another() -> None:
    assert Stop(clock=lambda: 12.0).clock() == 12.0


def test_sleeping_ends_with_the_stop() -> None:
    async def scene() -> None:
        stop = Stop()
        await stop.wait(0.0)
        sleeping = asyncio.create_task(stop.wait(60.0))
        await asyncio.sleep(0)
        stop.request("enough")
        await asyncio.wait_for(sleeping, 5.0)

    asyncio.run(scene())


def test_listeners_are_told_once() -> None:
    stop, told = Stop(), []
    with stop.calling(lambda: told.append("left")):
        pass
    with stop.calling(lambda: told.append("there")):
        assert told == []
        stop.request("enough")
        stop.request("again")
        assert told == ["there"]
    with stop.calling(lambda: told.append("late")):
        assert told == ["there", "late"]
