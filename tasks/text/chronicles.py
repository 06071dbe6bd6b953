"""Long documents whose lines carry on what their first line has set.

A chronicle counts its years under one ruler, a verse repeats its burden, a ledger names its
writer on each line: what stands at either end of a line follows from the line before, and from
nothing nearer. Small models learn that early, so context is worth bits even after seconds of
training.
"""

from __future__ import annotations

from collections.abc import Iterator

from autores.tasks.text.dice import Dice
from autores.tasks.text.registers import REGISTERS, Registers, documents
from autores.tasks.text.story import Scene, story
from autores.tasks.text.world import World

_KNOWN = 16
"""Only the best known names stand at the ends of lines."""


def tale(world: World, dice: Dice) -> str:
    """A story that goes on and on."""
    scene = Scene(world, dice)
    paragraphs = (range(dice.between(3, 7)) for _ in range(dice.between(4, 9)))
    return "\n".join(" ".join(scene.sentence() for _ in length) for length in paragraphs)


def chronicle(world: World, dice: Dice) -> str:
    """Year after year in one place, under one ruler."""
    scene, year = Scene(world, dice), dice.between(10, 900)
    place, ruler = dice.pick(world.places[:_KNOWN]).name, dice.pick(world.people[:_KNOWN]).name
    return "\n".join(
        f"In {year + number} of {place}, under {ruler}: {event}"
        for number, event in enumerate(_events(scene))
    )


def verse(world: World, dice: Dice) -> str:
    """Each line ends in the same words."""
    scene = Scene(world, dice)
    words = [word for custom in world.customs for word in custom][:_KNOWN]
    burden = " and ".join(dice.sample(words, 2))
    return "\n".join(f"{event[:-1]}, {burden}." for event in _events(scene))


def ledger(world: World, dice: Dice) -> str:
    """Numbered entries, all by one writer."""
    scene = Scene(world, dice)
    writer = f"{dice.pick(world.trades[:_KNOWN])}, {dice.pick(world.places[:_KNOWN]).name}"
    return "\n".join(
        f"{number}. {event} ({writer})" for number, event in enumerate(_events(scene), 1)
    )


def _events(scene: Scene) -> Iterator[str]:
    """What happens, each told for itself."""
    for _ in range(scene.dice.between(8, 20)):
        scene.last = None
        yield scene.sentence()


CHRONICLES: Registers = (
    (tale, 0.2),
    (chronicle, 0.25),
    (verse, 0.25),
    (ledger, 0.25),
    *((register, share) for register, share in REGISTERS if register is not story),
)


def long_documents(key: bytes, split: str, least_bytes: int) -> Iterator[str]:
    """Documents of a split until they have so many bytes together."""
    return documents(key, split, least_bytes, registers=CHRONICLES)
