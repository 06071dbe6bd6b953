"""Question sets about the world, of the three kinds that CORE has, in its published fields.

Everything asked is said in training documents, or can be worked out in a way that they show.
Questions come in groups that share their options: each option is right once. A model that
likes an option whatever is asked, as one that has learned nothing does, gains nothing by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import cycle
from typing import Any

from autores.tasks.text.dice import Dice
from autores.tasks.text.world import WHOLE, Extent, Person, World, draw_world, plural

FAMILIAR = 120
"""Only the best known people and rules are asked about, those more often that are known best."""
OPTIONS = 4
"""Of a choice, and questions of a group of choices."""
Question = Mapping[str, Any]


class QuestionKind(Enum):
    """Kinds of questions, by their published names."""

    CHOICE = "multiple_choice"
    """query, choices, gold"""
    SCHEMA = "schema"
    """context_options, continuation, gold"""
    PRODUCE = "language_modeling"
    """context, continuation"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """A task of the bundle: how questions are put, and what they are drawn by."""

    label: str
    kind: QuestionKind
    chance: float
    """Percent that guessing reaches."""
    draw: Callable[[World, Dice], Iterable[Question]]
    """A group of questions with the same options."""
    shots: int = 0
    delimiter: str = " "


def questions(
    key: bytes, which: QuestionSet, split: str, count: int, extent: Extent = WHOLE
) -> list[Question]:
    """Different questions of a set, whole groups as far as they go; splits share no randomness.

    Raises:
        ValueError: The set does not have so many.
    """
    world, found = draw_world(key, extent), dict[str, Question]()
    for number in range(20 * count):
        group = which.draw(world, Dice(key, "question", which.label, split, number))
        told = {repr(sorted(question.items())): question for question in group}
        if not told.keys() & found.keys():
            found |= told
        if len(found) >= count:
            return list(found.values())[:count]
    raise ValueError(f"{which.label} has only {len(found)} different questions")


def _familiar(world: World, dice: Dice) -> Person:
    return dice.zipf(world.people[:FAMILIAR], 6)


# ------------------------------------------------------------------------------- choices


def _choices(dice: Dice, draw: Callable[[], tuple[str, str]]) -> list[Question]:
    """Queries whose answers differ; the wrong options of each are what the others ask for."""
    queries = dict[str, str]()
    while len(queries) < OPTIONS:
        query, right = draw()
        if query not in queries.values():
            queries.setdefault(right, query)
    return [_choice(dice, query, right, list(queries)) for right, query in queries.items()]


def _choice(dice: Dice, query: str, right: str, options: Sequence[str]) -> Question:
    choices = dice.sample(options, len(options))
    return {"query": query, "choices": choices, "gold": choices.index(right)}


def _home(world: World, dice: Dice) -> list[Question]:
    def draw() -> tuple[str, str]:
        who = _familiar(world, dice)
        return f"{who.name} {who.surname}\n{who.he.capitalize()} lives in", who.home.name

    return _choices(dice, draw)


def _trade(world: World, dice: Dice) -> list[Question]:
    def draw() -> tuple[str, str]:
        who = _familiar(world, dice)
        return f"One morning, {who.name} {who.surname} the", who.trade

    return _choices(dice, draw)


def _likes(world: World, dice: Dice) -> list[Question]:
    def draw() -> tuple[str, str]:
        who = _familiar(world, dice)
        they = who.he.capitalize()
        query = f"What does {who.name} {who.surname} like?\n{they} likes"
        return query, plural(who.likes)

    return _choices(dice, draw)


def _effect(world: World, dice: Dice) -> list[Question]:
    def draw() -> tuple[str, str]:
        rule = dice.zipf(world.rules[:FAMILIAR], 6)
        return f"Because {rule.cause},", rule.effect

    return _choices(dice, draw)


def _sum(world: World, dice: Dice) -> list[Question]:
    def draw() -> tuple[str, str]:
        a, b = dice.below(50), dice.below(50)
        return f"{a} + {b} =", str(a + b)

    return _choices(dice, draw)


def _collocation(world: World, dice: Dice) -> list[Question]:
    topics = cycle(dice.sample(world.topics, len(world.topics)))

    def draw() -> tuple[str, str]:
        topic = next(topics)
        number = dice.rank(len(topic.verbs))
        they = _familiar(world, dice).name
        query = f"{they} said: {topic.verbs[number].capitalize()} the"
        return query, f"{dice.pick(topic.objects[number])}."

    return _choices(dice, draw)


# ------------------------------------------------------------------------------- schemas


def _schemas(dice: Dice, contexts: Sequence[str], continuations: Sequence[str]) -> list[Question]:
    """Which of two contexts makes a continuation likely: the first the first, and so on."""
    return [
        {"context_options": shown, "continuation": end, "gold": shown.index(right)}
        for right, end in zip(contexts, continuations, strict=True)
        for shown in [dice.sample(contexts, len(contexts))]
    ]


def _pronoun(world: World, dice: Dice) -> list[Question]:
    who = _familiar(world, dice)
    other = dice.pick([one for one in world.people[:FAMILIAR] if one.female != who.female])
    thing = dice.zipf(who.topic.nouns)
    both = (who, other)
    contexts = [f"{one.name} found the {thing}." for one in both]
    return _schemas(dice, contexts, [f"{p.he.capitalize()} still had the {thing}." for p in both])


def _holder(world: World, dice: Dice) -> list[Question]:
    """Who found something still has it; in half of all groups somebody else found the other."""
    who, other = dice.sample(world.people[:FAMILIAR], 2)
    first, second, third = dice.sample(who.topic.nouns, 3)
    crossed = dice.chance(0.5)
    contexts = [
        f"{who.name} found the {mine}. {other.name} found the {theirs if crossed else third}."
        for mine, theirs in ((first, second), (second, first))
    ]
    one = other if crossed and dice.chance(0.5) else who
    ends = [f"{one.name} still had the {thing}." for thing in (first, second)]
    return _schemas(dice, contexts, ends if one is who else ends[::-1])


# --------------------------------------------------------------------------- to be produced


def _custom(world: World, dice: Dice) -> Iterator[Question]:
    custom = dice.zipf(world.customs)
    begin, length = dice.below(len(custom)), dice.between(2, 6)
    words = [custom[(begin + n) % len(custom)] for n in range(length + 1)]
    yield {"context": ", ".join(words[:-1]) + ",", "continuation": words[-1]}


def _copy(world: World, dice: Dice) -> Iterator[Question]:
    things = [dice.zipf(dice.zipf(world.topics).nouns) for _ in range(dice.between(2, 4))]
    told = " ".join(things)
    yield {"context": f"{told}. Again: {' '.join(things[:-1])}", "continuation": f"{things[-1]}."}


def _remaining(world: World, dice: Dice) -> Iterator[Question]:
    giver, taker = world.company(dice, 2)
    thing = dice.zipf(giver.topic.nouns)
    context = (
        f"{giver.name} found the {thing} near the {giver.topic.nouns[0]}. {giver.he.capitalize()} "
        f"gave the {thing} to {taker.name}. {taker.name} still had the"
    )
    yield {"context": context, "continuation": f"{thing}."}


def _relation(world: World, dice: Dice) -> Iterator[Question]:
    who = _familiar(world, dice)
    which, number = dice.pick((("friend", who.friend), ("rival", who.rival)))
    before = ("", f"lives in {who.home.name}.", f"likes {plural(who.likes)}.", "thinks of friends.")
    they = who.he.capitalize()
    told = dice.pick([f"{they} {fact} " if fact else "" for fact in before])
    context = f"{who.name} {who.surname}\n{told}{who.his.capitalize()} {which} is"
    yield {"context": context, "continuation": f"{world.people[number].name}."}


_C, _S, _P = QuestionKind.CHOICE, QuestionKind.SCHEMA, QuestionKind.PRODUCE
QUESTION_SETS: tuple[QuestionSet, ...] = (
    QuestionSet(label="world_home", kind=_C, chance=25, draw=_home),
    QuestionSet(label="world_trade", kind=_C, chance=25, draw=_trade, shots=2, delimiter=" "),
    QuestionSet(label="world_likes", kind=_C, chance=25, draw=_likes),
    QuestionSet(label="world_effects", kind=_C, chance=25, draw=_effect),
    QuestionSet(label="world_collocations", kind=_C, chance=25, draw=_collocation),
    QuestionSet(label="sums", kind=_C, chance=25, draw=_sum, shots=3),
    QuestionSet(label="pronouns", kind=_S, chance=50, draw=_pronoun),
    QuestionSet(label="holders_of_two", kind=_S, chance=50, draw=_holder),
    QuestionSet(label="customs", kind=_P, chance=0, draw=_custom),
    QuestionSet(label="copying", kind=_P, chance=0, draw=_copy, shots=1, delimiter=" "),
    QuestionSet(label="remaining", kind=_P, chance=0, draw=_remaining),
    QuestionSet(label="world_relations", kind=_P, chance=0, draw=_relation),
)
