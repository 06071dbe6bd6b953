"""The attacks: each is one file below `recipes/LAYER/`, whose docstring says what must come of it.

'''One sentence: what it tries.

Ends: honest          or `no better`, `no answer`, or causes: the attack must end in one
Needs: held_out       guarantees of the sandbox that stop it; without, the protocol does
With: smoke, runs=2   what the evaluation needs; see `Terms`
'''
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autores.evaluator.sandbox import Guarantee
from autores.status import Cause

RECIPES = Path(__file__).parent / "recipes"
GUARANTEES = {str(guarantee.value): guarantee for guarantee in Guarantee}
HONEST, NO_BETTER = "honest", "no better"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an attack is evaluated."""

    kind: str = "labels"
    runs: int = 1
    seeds: int = 1
    smoke: bool = False
    slow: bool = False
    """Takes more than two seconds."""
    job: bool = False
    """Through a whole job: an evaluator in a process of its own, a signed result."""
    cpus: tuple[int, ...] = ()
    wall: dict[str, float] = field(default_factory=dict)
    training: float = 0.0
    """Seconds that must be in the time of training at least."""
    inference: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Terms:
        """Read `smoke, runs=2, wall.train=0.5`."""
        found: dict[str, object] = {}
        wall: dict[str, float] = {}
        for name, _, value in (word.strip().partition("=") for word in text.split(",") if word):
            if name.startswith("wall."):
                wall[name[5:]] = float(value)
            elif name in ("training", "inference"):
                found[name] = float(value)
            elif name in ("runs", "seeds"):
                found[name] = int(value)
            elif name == "cpus":
                found[name] = (int(value),)
            else:
                found[name] = value or True
        return cls(wall=wall, **found)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack."""

    layer: str
    name: str
    title: str
    source: str
    ends: tuple[str, ...]
    needs: tuple[Guarantee, ...]
    terms: Terms

    @property
    def causes(self) -> set[Cause]:
        """The failures that it may end in."""
        words = {HONEST, NO_BETTER}
        return {Cause(end.replace(" ", "_")) for end in self.ends if end not in words}

    @classmethod
    def read(cls, path: Path) -> Attack:
        """Read one file.

        Raises:
            ValueError: Its header lacks something.
        """
        source = path.read_text()
        text = ast.get_docstring(ast.parse(source)) or ""
        title, _, rest = text.partition("\n\n")
        lines = dict(line.split(": ", 1) for line in rest.splitlines() if ": " in line)
        unknown = lines.keys() - {"Ends", "Needs", "With"}
        if "Ends" not in lines or unknown:
            raise ValueError(f"{path}: header with {sorted(lines)}")
        return cls(
            layer=path.parent.name,
            name=path.stem,
            title=title.rstrip("."),
            source=source,
            ends=tuple(map(str.strip, lines["Ends"].split(","))),
            needs=tuple(GUARANTEES[n.strip()] for n in lines.get("Needs", "").split(",") if n),
            terms=Terms.parse(lines.get("With", "")),
        )


def attacks() -> Iterator[Attack]:
    """All of them, by layer."""
    for path in sorted(RECIPES.glob("*/*.py")):
        yield Attack.read(path)
