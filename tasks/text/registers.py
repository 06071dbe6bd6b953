"""The other kinds of text: articles, instructions, lists, arithmetic, and a little language."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate

from autores.tasks.text.dice import Dice
from autores.tasks.text.story import action, dialogue, noun_phrase, story
from autores.tasks.text.world import (
    WHOLE,
    Extent,
    Topic,
    World,
    article,
    draw_world,
    focus,
    plural,
)

Register = Callable[[World, Dice], str]
Registers = tuple[tuple[Register, float], ...]
"""With how often each comes."""


def encyclopedia(world: World, dice: Dice) -> str:
    """Facts about a person or a place, in an order of their own."""
    return _about_person(world, dice) if dice.chance(0.6) else _about_place(world, dice)


def _about_person(world: World, dice: Dice) -> str:
    who = world.person(dice)
    they = who.he.capitalize()
    facts = [
        f"{they} lives in {who.home.name}.",
        f"{they} owns {article(who.owns)}.",
        f"{they} likes {plural(who.likes)}.",
        f"{who.his.capitalize()} friend is {world.people[who.friend].name}.",
        f"{who.his.capitalize()} rival is {world.people[who.rival].name}.",
    ]
    told = dice.sample(facts, dice.between(3, 5))
    opening = f"{who.name} {who.surname} is {article(who.trade)} of {who.home.region}."
    return "\n".join(
        [f"{who.name} {who.surname}", " ".join([opening, *told, _scene(dice, who.topic)])]
    )


def _about_place(world: World, dice: Dice) -> str:
    place = dice.zipf(world.places)
    facts = [
        f"It lies on the {place.river}.",
        f"It is known for its {plural(place.goods)}.",
        f"The {place.kind} belongs to {place.region}.",
    ]
    opening = f"{place.name} is {article(place.kind)} in {place.region}."
    told = dice.sample(facts, dice.between(2, 3))
    return "\n".join(
        [place.name, " ".join([opening, *told, _scene(dice, dice.zipf(world.topics))])]
    )


def _scene(dice: Dice, topic: Topic) -> str:
    verb, thing = action(dice, topic)
    return f"There they {verb} the {thing} with the {dice.zipf(topic.tools)}."


def instructions(world: World, dice: Dice) -> str:
    """How to make something, step by step; a step uses what an earlier one has made."""
    topic = focus(dice.zipf(world.topics), dice)
    goal = noun_phrase(dice, topic)
    needed = [noun_phrase(dice, topic) for _ in range(dice.between(2, 4))]
    amounts = [dice.between(1, 12) for _ in needed]
    lines = [f"How to make {article(goal)}", "You need:"]
    lines += [f"- {count} {plural(thing)}" for count, thing in zip(amounts, needed, strict=True)]
    for number in range(1, dice.between(4, 8)):
        verb, _ = action(dice, topic)
        tool = dice.zipf(topic.tools)
        first, second = dice.pick(needed), dice.pick(needed)
        form = dice.below(3)
        if form == 0:
            lines.append(f"{number}. {verb.capitalize()} the {first} with the {tool}.")
        elif form == 1:
            lines.append(f"{number}. Put the {first} on the {second} and {verb} it.")
        else:
            lines.append(
                f"{number}. {verb.capitalize()} the {first} for {5 * dice.between(1, 9)} minutes."
            )
    return "\n".join([*lines, f"Now the {goal} is ready."])


def catalogue(world: World, dice: Dice) -> str:
    """A list: things of one topic, a custom in its order, or a table of who has how many."""
    form = dice.below(3)
    if form == 0:
        topic = focus(dice.zipf(world.topics), dice)
        things = [noun_phrase(dice, topic) for _ in range(dice.between(4, 12))]
        return "\n".join([f"All about the {topic.nouns[0]}:", *(f"* {thing}" for thing in things)])
    if form == 1:
        return " ".join(_custom(world, dice))
    people = world.company(dice, dice.between(3, 4))
    thing = dice.zipf(people[0].topic.nouns)
    counts = [dice.between(1, 60) for _ in people]
    rows = [
        f"{one.name}: {count} {plural(thing)}" for one, count in zip(people, counts, strict=True)
    ]
    return "\n".join([*rows, f"Together: {sum(counts)} {plural(thing)}"])


def _custom(world: World, dice: Dice) -> Iterator[str]:
    for _ in range(dice.between(1, 3)):
        custom = dice.zipf(world.customs)
        begin = dice.below(len(custom))
        length = dice.between(4, 9)
        yield ", ".join(custom[(begin + n) % len(custom)] for n in range(length)) + "."


def arithmetic(world: World, dice: Dice) -> str:
    """Sums and differences that are right, some as questions."""
    top = dice.pick((10, 20, 50, 100))
    return "\n".join(_problem(world, dice, top) for _ in range(dice.between(4, 14)))


def _problem(world: World, dice: Dice, top: int) -> str:
    a, b = dice.below(top), dice.below(top)
    form = dice.below(4)
    if form == 0:
        return f"{a} + {b} = {a + b}"
    if form == 1:
        return f"{max(a, b)} - {min(a, b)} = {abs(a - b)}"
    if form == 2:
        return f"{a % 10} * {b % 10} = {(a % 10) * (b % 10)}"
    thing = plural(dice.zipf(dice.zipf(world.topics).nouns))
    return f"{a} {thing} and {b} {thing} are {a + b} {thing}."


def program(world: World, dice: Dice) -> str:
    """A function in a little language, some calls, and what they give."""
    topic = dice.zipf(world.topics)
    name, *arguments = dice.sample(topic.nouns, 3)
    verb = dice.zipf(topic.verbs)
    factor, offset = dice.between(2, 5), dice.between(1, 9)
    lines = [
        f"def {verb}_{name}({', '.join(arguments)}):",
        f"    {name} = {arguments[0]} * {factor}",
        f"    if {name} > {arguments[1]}:",
        f"        return {name} - {offset}",
        f"    return {name} + {arguments[1]}",
    ]
    for _ in range(dice.between(1, 4)):
        x, y = dice.below(10), dice.below(30)
        z = x * factor
        lines.append(f"{verb}_{name}({x}, {y}) == {z - offset if z > y else z + y}")
    return "\n".join(lines)


def reversal(world: World, dice: Dice) -> str:
    """Something said, and said again: copying, and copying backwards."""
    lines = []
    for _ in range(dice.between(2, 5)):
        things = [dice.zipf(dice.zipf(world.topics).nouns) for _ in range(dice.between(2, 5))]
        again = things if dice.chance(0.7) else things[::-1]
        word = "Again" if again is things else "Backwards"
        lines.append(f"{' '.join(things)}. {word}: {' '.join(again)}.")
    return "\n".join(lines)


REGISTERS: Registers = (
    (story, 0.44),
    (dialogue, 0.14),
    (encyclopedia, 0.12),
    (instructions, 0.11),
    (catalogue, 0.07),
    (arithmetic, 0.05),
    (program, 0.04),
    (reversal, 0.03),
)


def document(
    world: World, key: bytes, split: str, number: int, registers: Registers = REGISTERS
) -> str:
    """One document; it depends on nothing but the key, the split, its number and the shares."""
    dice = Dice(key, "document", split, number)
    until = tuple(accumulate(share for _, share in registers))
    register, _ = registers[bisect(until, dice.random() * until[-1])]
    return register(world, dice)


def documents(
    key: bytes,
    split: str,
    least_bytes: int,
    extent: Extent = WHOLE,
    registers: Registers = REGISTERS,
) -> Iterator[str]:
    """Documents of a split until they have so many bytes together."""
    world, written, number = draw_world(key, extent), 0, 0
    while written < least_bytes:
        text = document(world, key, split, number, registers)
        yield text
        written += len(text.encode())
        number += 1
