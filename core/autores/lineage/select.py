"""What a query asks for, in plain Python: for few trials, and as the measure for stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from autores.lineage.store import Order, Query
from autores.records import Direction, Trial

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text as they are compared: upper and lower case are the same."""
    return _WORD.findall(text.casefold())


def matches(trial: Trial, query: Query) -> bool:
    """Whether a trial meets all conditions but `unsettled`, which a trial alone cannot tell."""
    return (
        (not query.statuses or trial.status in query.statuses)
        and (not query.phases or trial.phase in query.phases)
        and query.specialist in (None, trial.submission.specialist)
        and query.session in (None, trial.submission.session)
        and query.tree in (None, trial.submission.tree)
        and (query.parent is None or query.parent == trial.parent)
        and query.tree in (None, trial.submission.tree)
        and (query.before is None or trial.id < query.before)
        and (not query.visible or trial.visible)
        and _has_words(trial.submission.hypothesis, query.text)
    )


def arrange(trials: Iterable[Trial], query: Query, direction: Direction) -> tuple[Trial, ...]:
    """In the order of the query, at most as many as it asks for."""
    found = sorted(_listed(trials, query.order), key=lambda trial: _key(trial, query, direction))
    return tuple(found[: query.limit])


def _has_words(hypothesis: str, text: str) -> bool:
    wanted = words(text)
    known = words(hypothesis) if wanted else []
    return all(any(word.startswith(begin) for word in known) for begin in wanted)


def _listed(trials: Iterable[Trial], order: Order) -> Iterator[Trial]:
    for trial in trials:
        if order is Order.BEST and trial.score is None:
            continue
        if order is Order.LATEST and trial.finished_at is None:
            continue
        yield trial


def _key(trial: Trial, query: Query, direction: Direction) -> tuple[float, int]:
    match query.order:
        case Order.BEST:
            return -direction.gain(0.0, trial.score or 0.0), trial.id
        case Order.LATEST:
            return -(trial.finished_at or 0.0), trial.id
        case Order.NEWEST:
            return 0.0, -trial.id
        case Order.OLDEST:
            return 0.0, trial.id
