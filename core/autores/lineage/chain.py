"""The hash chain: each link seals its event's canonical text and the link before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.events import BODIES, Body, Event, Head

ROOT = Head().hash
"""What the first link has before it."""

Normalise = Callable[[Body], Body]
"""Cleans the free text of a body: control characters, tabs, markup left by tool calls."""


def as_it_is(body: Body) -> Body:
    """The body unchanged."""
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An event as it is stored."""

    seq: int
    at: float
    kind: str
    body: str
    """Canonical JSON."""
    previous: str
    hash: str

    @property
    def digest(self) -> str:
        """What `hash` must be."""
        text = (
            f'{{"at":{self.at!r},"body":{self.body},"kind":"{self.kind}",'
            f'"previous":"{self.previous}","seq":{self.seq}}}'
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def open(self) -> Event:
        """The event.

        Raises:
            ValueError: The text is not that of an event.
        """
        if self.kind not in BODIES:
            raise ValueError(f"event {self.seq} is of unknown kind {self.kind!r}")
        body: Body = from_json(BODIES[self.kind], strict_loads(self.body))
        return Event(seq=self.seq, at=self.at, body=body, previous=self.previous, hash=self.hash)


def seal(
    body: Body, *, head: Head, at: float, normalise: Normalise = as_it_is
) -> tuple[Link, Event]:
    """The next link after `head`, and its event as every later reader will see it.

    Raises:
        ValueError: A number is not finite.
    """
    kind = type(body)
    data = to_json(normalise(body))
    unsealed = Link(
        seq=head.seq + 1,
        at=at,
        kind=kind.__name__.lower(),
        body=canonical(data).decode("ascii"),
        previous=head.hash,
        hash="",
    )
    link = Link(
        seq=unsealed.seq,
        at=at,
        kind=unsealed.kind,
        body=unsealed.body,
        previous=head.hash,
        hash=unsealed.digest,
    )
    settled = from_json(kind, data)
    return link, Event(seq=link.seq, at=at, body=settled, previous=link.previous, hash=link.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """What is wrong with a link."""

    seq: int
    message: str


def flaws(links: Iterable[Link]) -> Iterator[Flaw]:
    """Each place where a chain from its root is changed, interrupted or out of order."""
    seq, previous = 0, ROOT
    for link in links:
        if link.seq != seq + 1:
            yield Flaw(seq=link.seq, message=f"follows event {seq}: something is missing between")
        if link.previous != previous:
            yield Flaw(seq=link.seq, message="does not name the hash of the event before it")
        if link.digest != link.hash:
            yield Flaw(seq=link.seq, message="is not what was hashed: it was changed")
        seq, previous = link.seq, link.hash
