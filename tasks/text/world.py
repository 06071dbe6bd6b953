"""A procedural world: who lives where, what things are called, what follows from what.

Words, people, places, topics, causes and customs all follow from a secret key, so knowing
this file does not tell anyone what the texts say. Function words are English; everything
else is invented. Facts are fixed for the whole world, so that they can be learned from some
documents and asked about in others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from autores.tasks.text.dice import Dice

_ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "ch",
    "dr",
    "fl",
    "gr",
    "kl",
    "pl",
    "qu",
    "sh",
    "sk",
    "st",
    "th",
    "tr",
]
_NUCLEI = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ie", "oa", "ou"]
_CODAS = [
    "n",
    "l",
    "r",
    "s",
    "t",
    "m",
    "d",
    "k",
    "nd",
    "rt",
    "ll",
    "st",
    "ck",
    "sh",
    "lm",
    "rn",
    "sk",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much there is in a world: small nets learn more of a small one in a short time."""

    topics: int = 44
    nouns: int = 2_400
    verbs: int = 900
    adjectives: int = 800
    adverbs: int = 160
    people: int = 640
    places: int = 360
    rules: int = 400
    customs: int = 14


WHOLE = Extent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place and what is always true of it."""

    name: str
    kind: str
    region: str
    goods: str
    river: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What belongs together: its nouns by frequency, and which words go with which."""

    nouns: tuple[str, ...]
    qualities: tuple[tuple[str, ...], ...]
    """For each noun the adjectives that it mostly has."""
    verbs: tuple[str, ...]
    objects: tuple[tuple[str, ...], ...]
    """For each verb the nouns that it mostly takes."""
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person and what is always true of them."""

    name: str
    surname: str
    female: bool
    home: Place
    trade: str
    topic: Topic
    likes: str
    owns: str
    """An adjective and a noun."""
    friend: int
    rival: int

    @property
    def he(self) -> str:
        """The pronoun as a subject."""
        return "she" if self.female else "he"

    @property
    def his(self) -> str:
        """The pronoun as an owner."""
        return "her" if self.female else "his"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What happens, and what always follows from it."""

    cause: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that is true."""

    topics: tuple[Topic, ...]
    people: tuple[Person, ...]
    places: tuple[Place, ...]
    rules: tuple[Rule, ...]
    customs: tuple[tuple[str, ...], ...]
    """Words that always follow each other in the same order, as the days of a week do."""
    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]
    greetings: tuple[str, ...]
    trades: tuple[str, ...]

    def person(self, dice: Dice) -> Person:
        """Somebody; some are much better known than others."""
        return dice.zipf(self.people, 6)

    def company(self, dice: Dice, count: int) -> list[Person]:
        """Different people with different names, of whom the first is mostly known to the others."""
        found = [self.person(dice)]
        known = [self.people[found[0].friend], self.people[found[0].rival]]
        while len(found) < count:
            other = dice.pick(known) if dice.chance(0.6) else self.person(dice)
            if all(other.name != one.name for one in found):
                found.append(other)
        return found


def focus(topic: Topic, dice: Dice) -> Topic:
    """The few words of a topic that one document is about: rare ones come as often as others."""
    nouns = dice.sample(range(len(topic.nouns)), 7)
    verbs = dice.sample(topic.verbs, 5)
    own = tuple(topic.nouns[n] for n in nouns)
    return Topic(
        nouns=own,
        qualities=tuple((dice.pick(topic.qualities[n]),) for n in nouns),
        verbs=tuple(verbs),
        objects=tuple((dice.pick(own),) for _ in verbs),
        tools=tuple(dice.sample(own, 2)),
    )


def plural(noun: str) -> str:
    """More than one."""
    return f"{noun}es" if noun.endswith(("s", "sh", "ch", "x", "z")) else f"{noun}s"


def past(verb: str) -> str:
    """Once."""
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


def article(word: str) -> str:
    """`a` or `an`, and the word."""
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


# ------------------------------------------------------------------------------ drawing


def draw_world(key: bytes, extent: Extent = WHOLE) -> World:
    """The world of a key."""
    words = _words(Dice(key, "words"))
    dice = Dice(key, "world")
    take = partial(_take, words)
    adjectives, nouns, verbs = take(extent.adjectives), take(extent.nouns), take(extent.verbs)
    adverbs = tuple(f"{word}ly" for word in take(extent.adverbs))
    topics = tuple(_topics(dice, extent.topics, nouns, verbs, adjectives))
    places = tuple(_places(dice, take(extent.places), take(9), take(14), take(40), nouns))
    trades = take(extent.topics)
    names, surnames = take(extent.people), take(extent.people // 3)
    people = tuple(_people(dice, names, surnames, topics, trades, places))
    return World(
        topics=topics,
        people=people,
        places=places,
        rules=tuple(_rules(dice, extent.rules, nouns, verbs)),
        customs=tuple(take(7) for _ in range(extent.customs)),
        adjectives=adjectives,
        adverbs=adverbs,
        greetings=tuple(word.capitalize() for word in take(6)),
        trades=trades,
    )


def _take(words: Iterator[str], count: int) -> tuple[str, ...]:
    return tuple(islice(words, count))


def _words(dice: Dice) -> Iterator[str]:
    """Different invented words; the first ones are short, as frequent words are."""
    onsets, codas = dice.sample(_ONSETS, 24), dice.sample(_CODAS, 13)
    seen: set[str] = set()
    while True:
        syllables = 1 + dice.chance(0.85) + dice.chance(len(seen) / 12_000)
        word = "".join(
            dice.zipf(onsets, 3)
            + dice.pick(_NUCLEI)
            + (dice.zipf(codas) if dice.chance(0.3) else "")
            for _ in range(syllables)
        )
        if len(word) > 3 and word not in seen:
            seen.add(word)
            yield word


def _topics(
    dice: Dice, count: int, nouns: Sequence[str], verbs: Sequence[str], adjectives: Sequence[str]
) -> Iterator[Topic]:
    free_nouns, free_verbs = dice.sample(nouns, len(nouns)), dice.sample(verbs, len(verbs))
    for number in range(count):
        own = tuple(free_nouns[number::count]) + tuple(dice.sample(nouns[:200], 8))
        acts = tuple(free_verbs[number::count])
        yield Topic(
            nouns=own,
            qualities=tuple(tuple(dice.zipf(adjectives) for _ in range(3)) for _ in own),
            verbs=acts,
            objects=tuple(tuple(dice.zipf(own) for _ in range(5)) for _ in acts),
            tools=tuple(dice.sample(own, 6)),
        )


def _places(
    dice: Dice,
    names: Sequence[str],
    kinds: Sequence[str],
    regions: Sequence[str],
    rivers: Sequence[str],
    nouns: Sequence[str],
) -> Iterator[Place]:
    for name in names:
        yield Place(
            name=name.capitalize(),
            kind=dice.zipf(kinds),
            region=dice.zipf(regions).capitalize(),
            goods=dice.pick(nouns),
            river=dice.pick(rivers).capitalize(),
        )


def _people(
    dice: Dice,
    names: Sequence[str],
    surnames: Sequence[str],
    topics: Sequence[Topic],
    trades: Sequence[str],
    places: Sequence[Place],
) -> Iterator[Person]:
    for name in map(str.capitalize, names):
        trade = dice.zipf(range(len(topics)))
        topic = topics[trade]
        thing = dice.below(len(topic.nouns))
        yield Person(
            name=name,
            surname=dice.zipf(surnames).capitalize(),
            female=len(name) % 2 == 0,  # a name tells, as it often does
            home=dice.zipf(places),
            trade=trades[trade],
            topic=topic,
            likes=dice.zipf(topic.nouns),
            owns=f"{dice.pick(topic.qualities[thing])} {topic.nouns[thing]}",
            friend=dice.zipf(range(len(names))),
            rival=dice.zipf(range(len(names))),
        )


def _rules(dice: Dice, count: int, nouns: Sequence[str], verbs: Sequence[str]) -> Iterator[Rule]:
    for _ in range(count):
        yield Rule(
            cause=f"the {dice.zipf(nouns)} {past(dice.zipf(verbs))}",
            effect=f"the {dice.zipf(nouns)} {past(dice.zipf(verbs))}",
        )
