"""Carries what people said of a run's course into its sessions."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from autores import hookimpl
from autores.agent import Section, SessionBrief
from autores.lineage.view import LineageView
from autores.steering import Course
from autores.text import escape_line
from autores.turns import Turn


@hookimpl(wrapper=True)
def autores_next(view: LineageView) -> Generator[None, Turn | None, Turn | None]:
    """Whoever's turn it is, it starts from the pinned trial."""
    turn = yield
    pinned = view.course.pinned
    return turn if turn is None or pinned is None else replace(turn, parent=pinned)


@hookimpl
def autores_context(view: LineageView, session: SessionBrief) -> Iterable[Section]:
    """Before all else, what people want."""
    text = "\n".join(_lines(view.course, session))
    return (Section(title="From the people who run this", text=text, rank=5, newest_first=False),)


def _lines(course: Course, session: SessionBrief) -> Iterator[str]:
    if session.idea:
        yield f"Work on this now: {escape_line(session.idea, 2000)}"
    yield from (escape_line(hint.text, 1000) for hint in course.hints)
    if course.pinned is not None:
        yield f"Sessions start from trial {course.pinned} for now, whichever leads."
    for knob in course.knobs:
        yield f"Do not edit {escape_line(knob.text)}: it is blocked, and such a submission refused."
    for idea in course.ideas:
        yield f"Do not propose this, it is refused: {escape_line(idea.text)}"
