"""What people ask for, as edits: the knobs, moves and trials that their words name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autores.moves import Move
from autores.plugins.agents.evolve.candidates import Candidate, Situation, transplant, turn
from autores.plugins.agents.evolve.genome import ON, Edit
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.knobs import Knob, read_text
from autores.plugins.agents.evolve.literals import Value

OPERATOR = "asked"
_UP = r"raise|raising|increase|increasing|higher|larger|longer|more|double|grow"
_DOWN = r"lower|lowering|decrease|decreasing|smaller|shorter|less|halve|reduce|reducing|shrink"
_UNDO = r"(?:undo|without|remove|drop|no)\s+(?:the\s+)?(?:move\s+)?"
_VALUE = r"""\s*(?:=|:|to|at|of|from\s+\S+\s+to)?\s*["'`]?(?P<value>[-+]?[\w./]*\w)["'`]?"""
_TRIAL = re.compile(r"(?:\btrial\s+#?|#)0*(\d+)\b", re.IGNORECASE)
_STEPS = (0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Something that a person wrote for this session, or for all."""

    text: str
    once: bool
    """An idea that was queued is taken up whatever was tried; a hint until it was."""


def candidates(at: Situation, words: Words, moves: Mapping[str, Move]) -> list[Candidate]:
    """What the words ask for, on this tree; empty where they name nothing that can be done."""
    definite = tuple(_definite(at, words.text, moves))
    found = [definite] if len(definite) > 1 else []
    found += [(edit,) for edit in definite]
    found += [(edit,) for edit in _directions(at, words.text, definite)]
    made = [Candidate(edits=edits, operator=OPERATOR, why=words.text) for edits in found]
    return [*made, *_of_trials(at, words.text)]


def is_done(candidate: Candidate, seen: Sequence[Observation]) -> bool:
    """Whether people's words have already led to a trial of the same genes."""
    genes = {edit.gene for edit in candidate.edits}
    return any(o.operator == OPERATOR and genes == {e.gene for e in o.edits} for o in seen)


def _definite(at: Situation, text: str, moves: Mapping[str, Move]) -> Iterator[Edit]:
    """Moves that are named, and knobs that are named with a value."""
    for edit in at.moves:
        move = moves[edit.move]
        named = _is_named(text, move.name) or move.title.casefold() in text.casefold()
        undone = re.search(_UNDO + _word(move.name), text, re.IGNORECASE) is not None
        if named and undone == (edit.new != ON):
            yield edit
    for knob in at.knobs:
        value = _value(knob, text)
        edit_to = None if value is None else turn(knob, value)
        if edit_to is not None:
            yield edit_to


def _value(knob: Knob, text: str) -> Value | None:
    """The value that a text gives a knob; the text may also show it inside backquotes."""
    for name in _names(knob):
        for said in re.finditer(_word(name) + _VALUE, text):
            value = _as_its_own(knob, said["value"])
            if value is not None:
                return value
    return None


def _as_its_own(knob: Knob, said: str) -> Value | None:
    """A word as a value of the knob's kind; None where it is none."""
    if knob.scale is None:
        return next((choice for choice in knob.choices if str(choice) == said), None)
    value = read_text(said)
    if value is None or isinstance(value, bool | str):
        return None
    if knob.scale.whole:
        return int(value) if value == int(value) and value >= knob.scale.lowest else None
    return float(value)


def _directions(at: Situation, text: str, definite: Sequence[Edit]) -> Iterator[Edit]:
    """Steps of knobs that are named without a value: to the side that is said, else to both."""
    given = {edit.gene for edit in definite}
    for knob in at.knobs:
        named = [name for name in _names(knob) if _is_named(text, name)]
        if not named or knob.gene in given:
            continue
        if knob.scale is None:
            yield from filter(None, (turn(knob, choice) for choice in knob.choices))
            continue
        for side in _sides(text):
            here = knob.coordinate(knob.literal.value)
            steps = (at.single_turn(knob, here + side * step) for step in _STEPS)
            yield from filter(None, steps)


def _sides(text: str) -> tuple[int, ...]:
    up, down = (re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) for words in (_UP, _DOWN))
    return (1, -1) if bool(up) == bool(down) else (1,) if up else (-1,)


def _of_trials(at: Situation, text: str) -> Iterator[Candidate]:
    """What trials that are named changed, on this tree."""
    named = {int(number) for number in _TRIAL.findall(text)}
    for other in at.seen:
        edits = transplant(at, other) if other.id in named else ()
        if edits:
            yield Candidate(
                edits=edits, operator=OPERATOR, cites=(other.id,), merges=(other.id,), why=text
            )
    for join in at.joins:
        if join.trial in named:
            yield Candidate(
                edits=join.edits,
                operator=OPERATOR,
                cites=(join.trial,),
                merges=(join.trial,),
                why=text,
                tree=join.files,
            )


def _names(knob: Knob) -> tuple[str, ...]:
    """As it may be called: with its scope or without."""
    return tuple(dict.fromkeys((knob.gene.partition("::")[2], knob.literal.name)))


def _is_named(text: str, name: str) -> bool:
    return re.search(_word(name), text) is not None


def _word(name: str) -> str:
    return rf"(?<![\w.]){re.escape(name)}(?![\w(])"
