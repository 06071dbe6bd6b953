"""A lineage of our own, as `autores export` writes it: one event a line, with its hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from autores.archive.notes import Notes
from autores.archive.store import Archive
from autores.codec import canonical, strict_loads
from autores.errors import AutoresError, UserError
from autores.lineage.chain import Link, flaws


def read_chain(lines: Iterable[str], notes: Notes) -> Archive:
    """The lineage of a file of events, up to the first line that cannot be one.

    Raises:
        UserError: Not even the first line is an event, or the events do not fit each other.
    """
    links = list(_links(lines, notes))
    if not links:
        raise UserError("the file holds no events; `autores export` writes such files")
    for flaw in flaws(links):
        notes.list(flaw.seq, f"event {flaw.seq} {flaw.message}")
    try:
        return Archive.replayed(links)
    except (AutoresError, LookupError, ValueError) as error:
        raise UserError(f"the events do not follow from each other: {error}") from None


def _links(lines: Iterable[str], notes: Notes) -> Iterator[Link]:
    broken = 0
    for number, line in enumerate(lines, start=1):
        if broken and line.strip():
            notes.list(number, f"was left out: it comes after line {broken}", text=line)
        elif line.strip():
            try:
                yield _link(line)
            except (ValueError, KeyError, TypeError) as error:
                broken = number
                notes.list(number, f"is no event: {error}", text=line)


def _link(line: str) -> Link:
    data = strict_loads(line)
    body = data["body"] if isinstance(data["body"], str) else canonical(data["body"]).decode()
    link = Link(
        seq=int(data["seq"]),
        at=float(data["at"]),
        kind=str(data["kind"]),
        body=body,
        previous=str(data["previous"]),
        hash=str(data["hash"]),
    )
    link.open()
    return link
