"""Knobs: the named literals of a recipe that are worth turning, and what they can be turned to."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from autores.plugins.agents.evolve.literals import Literal, Program, Value, constant, parse
from autores.plugins.agents.evolve.scales import Scale, scale_of

_NO_KNOB = re.compile(
    r"(?:^|[_(\[])(?:__\w+__|seed|version|dim|dims|axis|ndim|keepdim|keepdims|device|index|encoding|"
    r"errors|map_location|weights_only|memory_format|strict|mode|non_blocking|pin_memory|"
    r"dtype|set_to_none|requires_grad|inplace|exist_ok|parents|flush|file|sep|end|default|"
    r"daemon|name|key|usage|nargs|help|padding_mode|largest|sorted|start_dim|end_dim|"
    r"persistent|return_counts|copy|repeats|mean|std|strip|enabled|"
    r"frozen|slots|dynamic|(?:is_)?causal|log_every|rank|ranks|descending|upper|special_tokens|"
    r"place|total)(?:$|[)\]])",
    re.IGNORECASE,
)
_FIXED_NAMES = re.compile(r"^(?:MEAN|STD)(?:\[|$)")
_CHOICE = re.compile(r"[\"'](\w[\w./-]*)[\"']")
_NUMBERED = re.compile(r"(?<![\w.])(\d+):")
_ZERO_MENTIONED = re.compile(r"(?<![\w.])0(?![\w.])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A literal, with its scale or its choices."""

    literal: Literal
    scale: Scale | None = None
    """None where there are choices."""
    choices: tuple[Value, ...] = ()
    """Of strings, truth values, and numbers whose comment says what each means."""
    origin: Value = 0
    """Its value in the seed recipe."""

    @property
    def gene(self) -> str:
        """Names the knob across all trees of a run."""
        return self.literal.identity

    def text(self, value: Value) -> str:
        """A value as it is written into the program."""
        if isinstance(value, str):
            quote = self.literal.text[0]
            return f"{quote}{value}{quote}"
        return repr(value)

    def turn(self, source: bytes, value: Value) -> bytes:
        """The source with this knob, and nothing else, changed."""
        return self.literal.splice(source, self.text(value))

    def coordinate(self, value: Value) -> float:
        """Where a number lies on the knob's scale."""
        if self.scale is None or isinstance(value, str):
            raise TypeError(f"{self.gene} has no scale")
        return self.scale.coordinate(value)


def find_knobs(
    path: str, source: bytes, origins: Mapping[str, str] | None = None
) -> tuple[Knob, ...]:
    """The knobs of a file, in its order.

    Args:
        path: Where it stands in the recipe.
        source: Its bytes; a file that does not parse has no knobs.
        origins: Knob to its text in the seed recipe, where it differs; scales are laid
            around that value, so that they do not wander with the search.
    """
    return _found(path, source, frozenset((origins or {}).items()))


@lru_cache(maxsize=64)
def _found(path: str, source: bytes, origins: frozenset[tuple[str, str]]) -> tuple[Knob, ...]:
    program = parse(path, source)
    if program is None:
        return ()
    found = (_knob(program, literal, dict(origins)) for literal in program.literals)
    return tuple(knob for knob in found if knob is not None)


@lru_cache(maxsize=20_000)
def read_text(text: str) -> Value | None:
    """The value that a literal's text means."""
    try:
        return constant(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError):
        return None


def scale_for(gene: str, origin: float, *, zero_is_off: bool = False) -> Scale:
    """The scale of a number, from what names it and its value in the seed recipe."""
    stem, bracket, inside = gene.partition("::")[2].partition("#")[0].partition("(")
    return scale_of(stem.rpartition(".")[2] + bracket + inside, origin, zero_is_off=zero_is_off)


def _knob(program: Program, literal: Literal, origins: Mapping[str, str]) -> Knob | None:
    if _NO_KNOB.search(literal.name) or _FIXED_NAMES.match(literal.name):
        return None
    origin = _origin(literal, origins)
    if isinstance(literal.value, bool):
        return Knob(literal=literal, choices=(False, True), origin=origin)
    if isinstance(literal.value, str):
        choices = _choices(program, literal)
        return Knob(literal=literal, choices=choices, origin=origin) if choices else None
    if isinstance(origin, str) or not _is_tunable(program, literal):
        return None
    numbered = tuple(sorted({int(n) for n in _NUMBERED.findall(literal.comment)}))
    if isinstance(literal.value, int) and literal.value in numbered and len(numbered) > 1:
        return Knob(literal=literal, choices=numbered, origin=origin)
    zero = literal.name in program.tested or bool(_ZERO_MENTIONED.search(literal.comment))
    scale = scale_for(literal.identity, origin, zero_is_off=zero)
    return Knob(literal=literal, scale=scale, origin=origin)


def _origin(literal: Literal, origins: Mapping[str, str]) -> Value:
    told = read_text(origins[literal.identity]) if literal.identity in origins else None
    return told if told is not None and type(told) is type(literal.value) else literal.value


def _is_tunable(program: Program, literal: Literal) -> bool:
    """Counters are no knobs; and -1, 0 and 1 in calls are mostly plumbing."""
    plumbing = "(" in literal.name and literal.value in (-1, 0, 1)
    return not plumbing and literal.name not in program.counted


def _choices(program: Program, literal: Literal) -> tuple[Value, ...]:
    """What the program compares the name with, and what the comment quotes."""
    said = {v for v in program.compared.get(literal.name, ()) if isinstance(v, str)}
    choices = sorted(said | set(_CHOICE.findall(literal.comment)) | {str(literal.value)})
    return tuple(choices) if len(choices) > 1 else ()
