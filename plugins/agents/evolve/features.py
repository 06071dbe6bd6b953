"""Genomes as points of a space in which distances mean something."""

from __future__ import annotations

import re
from functools import lru_cache

from autores.plugins.agents.evolve.genome import ON, Edit, Genome
from autores.plugins.agents.evolve.knobs import read_text, scale_for
from autores.plugins.agents.evolve.scales import Scale
from autores.plugins.agents.evolve.surrogate import Point

_MOVE = re.compile(r"^move:")


def point_of(genome: Genome) -> Point:
    """A coordinate for each number, a 1 for each choice and each move; the seed recipe is 0."""
    point: dict[str, float] = {}
    for gene, allele in genome.items():
        name, value = _feature(gene, allele.origin, allele.now)
        if value:
            point[name] = value
    return point


def step_of(edit: Edit) -> float:
    """How far a number is moved, in coordinates; 0 for a choice or a move."""
    return step_between(edit.gene, edit.old, edit.new)


@lru_cache(maxsize=20_000)
def step_between(gene: str, old: str, new: str) -> float:
    """How far one text of a gene lies from another; 0 where they are no numbers."""
    scale = None if _MOVE.match(gene) else _scale(gene, old)
    value = read_text(new) if scale else None
    if scale is None or isinstance(value, bool | str) or value is None:
        return 0.0
    return scale.coordinate(value)


@lru_cache(maxsize=20_000)
def _feature(gene: str, origin: str, now: str) -> tuple[str, float]:
    if _MOVE.match(gene):
        return gene, float(now == ON)
    scale, value = _scale(gene, origin), read_text(now)
    if scale is None or isinstance(value, bool | str) or value is None:
        return f"{gene}={now}", 1.0
    return gene, scale.coordinate(value)


@lru_cache(maxsize=2_000)
def _scale(gene: str, origin: str) -> Scale | None:
    """None for choices."""
    value = read_text(origin)
    return None if value is None or isinstance(value, bool | str) else scale_for(gene, value)
