from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.events import BODIES, Body, Charged, Created, Event, Head, Marked, Quarantined
from autores.lineage.chain import seal
from autores.records import Cost, Direction

BODY = st.one_of(
    st.builds(Marked, name=st.text(), text=st.text(), trial=st.none() | st.integers(0)),
    st.builds(Quarantined, trial=st.integers(0), reason=st.text()),
    st.builds(
        Charged,
        session=st.text(),
        specialist=st.text(),
        cost=st.builds(Cost, dollars=st.floats(0, 1e6), input_tokens=st.integers(0)),
    ),
)


def test_every_body_is_listed_by_its_kind() -> None:
    assert set(BODIES.values()) == set(get_args(Body))
    assert all(name == kind.__name__.lower() for name, kind in BODIES.items())


@pytest.mark.parametrize("body", [Created(direction=Direction.MAXIMIZE), Marked(name="a", text="")])
def test_an_event_names_its_kind(body: Body) -> None:
    event = Event(seq=1, at=0.0, body=body, previous="0" * 64, hash="1" * 64)
    assert BODIES[event.kind] is type(body)


@given(BODY, st.integers(0, 10**9), st.floats(0, 4e9))
def test_an_event_is_sealed_and_read_back(body: Body, seq: int, at: float) -> None:
    link, event = seal(body, head=Head(seq=seq), at=at)
    assert (event.seq, event.at, event.previous) == (seq + 1, at, Head().hash)
    assert event.body == body
    assert link.open() == event
    assert len(event.hash) == 64


def test_nothing_has_happened_at_first() -> None:
    head = Head()
    assert (head.seq, head.next_trial, head.best, head.lead, head.created) == (
        0,
        0,
        None,
        None,
        None,
    )
    assert from_json(Head, strict_loads(canonical(to_json(head)))) == head
