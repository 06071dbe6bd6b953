"""Free text as it is written into a lineage: one line each, and nothing that a screen obeys."""

from __future__ import annotations

from dataclasses import replace

from autores.events import (
    Accepted,
    Body,
    Decided,
    Demoted,
    Evaluated,
    Marked,
    Quarantined,
    Steered,
)
from autores.text import escape_line, unmarked

LONGEST = 20_000
"""Characters of one text; more is cut."""
LONGEST_HYPOTHESIS = 4_000
"""Hypotheses are read back by the hundred for every context; what is longer goes into notes."""


def clean(text: str, longest: int = LONGEST) -> str:
    """The text as one line, without markup of tool calls. Cleaned again it is the same."""
    return escape_line(unmarked(text).strip(), longest)


def cleaned(body: Body) -> Body:
    """The body with all that people, agents and candidates have worded in it cleaned."""
    match body:
        case Accepted(submission=given):
            hypothesis, notes = clean(given.hypothesis, LONGEST_HYPOTHESIS), clean(given.notes)
            return replace(body, submission=replace(given, hypothesis=hypothesis, notes=notes))
        case Evaluated(outcome=outcome):
            return replace(body, outcome=replace(outcome, detail=clean(outcome.detail)))
        case Decided(decision=decision):
            return replace(body, decision=replace(decision, reason=clean(decision.reason)))
        case Demoted() | Quarantined():
            return replace(body, reason=clean(body.reason))
        case Steered() | Marked():
            return replace(body, text=clean(body.text))
    return body
