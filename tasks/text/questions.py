"""Question sets about the world, of the three kinds that CORE has, in its published fields.

Everything asked is said in training documents, or can be worked out in a way that they show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from autores.tasks.text.dice import Dice, Item
from autores.tasks.text.world import Person, World, draw_world, plural

FAMILIAR = 120
"""Only the best known people, places and rules are asked about."""
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
    draw: Callable[[World, Dice], Question]
    shots: int = 0
    delimiter: str = " "


def questions(key: bytes, which: QuestionSet, split: str, count: int) -> list[Question]:
    """Different questions of a set; splits share none of their random numbers.

    Raises:
        ValueError: The set does not have so many.
    """
    world, found, seen = draw_world(key), [], set[str]()
    for number in range(20 * count):
        question = which.draw(world, Dice(key, "question", which.label, split, number))
        told = repr(sorted(question.items()))
        if told not in seen:
            seen.add(told)
            found.append(question)
        if len(found) == count:
            return found
    raise ValueError(f"{which.label} has only {len(found)} different questions")


def _choice(dice: Dice, query: str, right: str, wrong: Sequence[str]) -> Question:
    """The right answer among others, anywhere."""
    choices = [*wrong]
    gold = dice.below(len(choices) + 1)
    choices.insert(gold, right)
    return {"query": query, "choices": choices, "gold": gold}


def _others(dice: Dice, items: Sequence[Item], right: Item, count: int) -> list[Item]:
    """Different ones that are wrong."""
    return dice.sample([item for item in dict.fromkeys(items) if item != right], count)


def _familiar(world: World, dice: Dice) -> Person:
    return dice.pick(world.people[:FAMILIAR])


# ------------------------------------------------------------------------------- choices


def _home(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    homes = [one.home.name for one in world.people[:FAMILIAR]]
    query = f"{who.name} {who.surname}\n{who.he.capitalize()} lives in"
    return _choice(dice, query, who.home.name, _others(dice, homes, who.home.name, 3))


def _trade(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    query = f"One morning, {who.name} {who.surname} the"
    return _choice(dice, query, who.trade, _others(dice, world.trades, who.trade, 3))


def _likes(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    liked = [plural(one.likes) for one in world.people[:FAMILIAR]]
    query = f"What does {who.name} {who.surname} like?\n{who.he.capitalize()} likes"
    return _choice(dice, query, plural(who.likes), _others(dice, liked, plural(who.likes), 3))


def _effect(world: World, dice: Dice) -> Question:
    rule = dice.pick(world.rules[:FAMILIAR])
    effects = [one.effect for one in world.rules[:FAMILIAR]]
    query = f"Because {rule.cause},"
    return _choice(dice, query, rule.effect, _others(dice, effects, rule.effect, 3))


def _sum(world: World, dice: Dice) -> Question:
    a, b = dice.below(50), dice.below(50)
    near = [a + b + off for off in (-11, -10, -2, -1, 1, 2, 10, 11) if a + b + off >= 0]
    return _choice(dice, f"{a} + {b} =", str(a + b), [str(n) for n in dice.sample(near, 3)])


def _collocation(world: World, dice: Dice) -> Question:
    topic = dice.zipf(world.topics)
    number = dice.rank(len(topic.verbs))
    right = f"{dice.pick(topic.objects[number])}."
    nouns = [f"{noun}." for other in world.topics if other is not topic for noun in other.nouns[:8]]
    they = _familiar(world, dice).name
    query = f"{they} said: {topic.verbs[number].capitalize()} the"
    return _choice(dice, query, right, _others(dice, nouns, right, 3))


# ------------------------------------------------------------------------------- schemas


def _schema(dice: Dice, options: Sequence[str], continuation: str) -> Question:
    """Which of two contexts makes the continuation likely; the first one that is given does."""
    gold = dice.below(2)
    ordered = list(options) if gold == 0 else list(reversed(options))
    return {"context_options": ordered, "continuation": continuation, "gold": gold}


def _pronoun(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    other = dice.pick([one for one in world.people[:FAMILIAR] if one.female != who.female])
    thing = dice.zipf(who.topic.nouns)
    contexts = [f"{one.name} found the {thing}." for one in (who, other)]
    return _schema(dice, contexts, f"{who.he.capitalize()} still had the {thing}.")


def _holder(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    first, second = dice.sample(who.topic.nouns, 2)
    contexts = [f"{who.name} found the {thing}." for thing in (first, second)]
    return _schema(dice, contexts, f"{who.he.capitalize()} still had the {first}.")


# --------------------------------------------------------------------------- to be produced


def _custom(world: World, dice: Dice) -> Question:
    custom = dice.zipf(world.customs)
    begin, length = dice.below(len(custom)), dice.between(2, 6)
    words = [custom[(begin + n) % len(custom)] for n in range(length + 1)]
    return {"context": ", ".join(words[:-1]) + ",", "continuation": words[-1]}


def _copy(world: World, dice: Dice) -> Question:
    things = [dice.zipf(dice.zipf(world.topics).nouns) for _ in range(dice.between(2, 4))]
    told = " ".join(things)
    return {"context": f"{told}. Again: {' '.join(things[:-1])}", "continuation": f"{things[-1]}."}


def _remaining(world: World, dice: Dice) -> Question:
    giver, taker = world.company(dice, 2)
    thing = dice.zipf(giver.topic.nouns)
    context = (
        f"{giver.name} found the {thing} near the {giver.topic.nouns[0]}. {giver.he.capitalize()} "
        f"gave the {thing} to {taker.name}. {taker.name} still had the"
    )
    return {"context": context, "continuation": f"{thing}."}


def _friend(world: World, dice: Dice) -> Question:
    who = _familiar(world, dice)
    before = ("", f"lives in {who.home.name}.", f"likes {plural(who.likes)}.", "thinks of friends.")
    they = who.he.capitalize()
    told = dice.pick([f"{they} {fact} " if fact else "" for fact in before])
    context = f"{who.name} {who.surname}\n{told}{who.his.capitalize()} friend is"
    return {"context": context, "continuation": f"{world.people[who.friend].name}."}


_C, _S, _P = QuestionKind.CHOICE, QuestionKind.SCHEMA, QuestionKind.PRODUCE
QUESTION_SETS: tuple[QuestionSet, ...] = (
    QuestionSet(label="world_home", kind=_C, chance=25, draw=_home),
    QuestionSet(label="world_trade", kind=_C, chance=25, draw=_trade, shots=2, delimiter=" "),
    QuestionSet(label="world_likes", kind=_C, chance=25, draw=_likes),
    QuestionSet(label="world_effects", kind=_C, chance=25, draw=_effect),
    QuestionSet(label="world_collocations", kind=_C, chance=25, draw=_collocation),
    QuestionSet(label="sums", kind=_C, chance=25, draw=_sum, shots=3),
    QuestionSet(label="pronouns", kind=_S, chance=50, draw=_pronoun),
    QuestionSet(label="holders", kind=_S, chance=50, draw=_holder),
    QuestionSet(label="customs", kind=_P, chance=0, draw=_custom),
    QuestionSet(label="copying", kind=_P, chance=0, draw=_copy, shots=1, delimiter=" "),
    QuestionSet(label="remaining", kind=_P, chance=0, draw=_remaining),
    QuestionSet(label="world_friends", kind=_P, chance=0, draw=_friend),
)
