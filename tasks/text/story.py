"""Stories and dialogues: what happens stays so, and later sentences depend on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autores.tasks.text.dice import Dice
from autores.tasks.text.world import Person, Place, Topic, World, article, focus, past, plural

_SEASONS = ("morning", "afternoon", "evening", "winter", "summer", "autumn", "spring")


def noun_phrase(dice: Dice, topic: Topic) -> str:
    """A noun of the topic, often with an adjective that it mostly has."""
    number = dice.rank(len(topic.nouns), 2)
    noun = topic.nouns[number]
    return f"{dice.zipf(topic.qualities[number])} {noun}" if dice.chance(0.5) else noun


def action(dice: Dice, topic: Topic) -> tuple[str, str]:
    """A verb of the topic, and something that it mostly takes."""
    number = dice.rank(len(topic.verbs))
    return topic.verbs[number], dice.zipf(topic.objects[number])


class Scene:
    """Who is there, who holds what, how many of what, and where."""

    def __init__(self, world: World, dice: Dice) -> None:
        self.world, self.dice = world, dice
        self.cast = world.company(dice, dice.between(2, 4))
        self.topic = focus(self.cast[0].topic, dice)
        self.place: Place = self.cast[0].home if dice.chance(0.6) else dice.zipf(world.places)
        self.holds: dict[str, list[str]] = {one.name: [one.owns] for one in self.cast}
        self.counts: dict[tuple[str, str], int] = {}
        self.last: Person | None = None

    def subject(self, person: Person) -> str:
        """The name, or a pronoun if the last sentence was about the same person."""
        same, self.last = person is self.last, person
        if same and self.dice.chance(0.7):
            return person.he.capitalize()
        return person.name

    def other(self, person: Person) -> Person:
        """Somebody else of the cast."""
        return self.dice.pick([one for one in self.cast if one is not person])

    def sentence(self) -> str:
        """The next thing that happens."""
        return self.dice.zipf(_EVENTS)(self, self.dice.zipf(self.cast))


def _act(scene: Scene, who: Person) -> str:
    verb, thing = action(scene.dice, scene.topic)
    how = f" {scene.dice.zipf(scene.world.adverbs)}" if scene.dice.chance(0.3) else ""
    return f"{scene.subject(who)} {past(verb)} the {thing}{how}."


def _give(scene: Scene, who: Person) -> str:
    if not scene.holds[who.name]:
        return _find(scene, who)
    thing = scene.holds[who.name].pop(scene.dice.below(len(scene.holds[who.name])))
    taker = scene.other(who)
    scene.holds[taker.name].append(thing)
    return f"{scene.subject(who)} gave the {thing} to {taker.name}."


def _find(scene: Scene, who: Person) -> str:
    thing = noun_phrase(scene.dice, scene.topic)
    scene.holds[who.name].append(thing)
    return f"{scene.subject(who)} found {article(thing)} near the {scene.topic.nouns[0]}."


def _remember(scene: Scene, who: Person) -> str:
    if not scene.holds[who.name]:
        return f"{scene.subject(who)} had nothing left."
    things = " and the ".join(scene.holds[who.name][-2:])
    return f"{scene.subject(who)} still had the {things}."


def _count(scene: Scene, who: Person) -> str:
    mine = [thing for name, thing in scene.counts if name == who.name]
    if not mine or scene.dice.chance(0.3):
        thing = scene.dice.zipf(scene.topic.nouns)
        number = scene.counts[who.name, thing] = scene.dice.between(3, 20)
        return f"{scene.subject(who)} had {number} {plural(thing)}."
    thing = mine[-1]
    had, change = scene.counts[who.name, thing], scene.dice.between(1, 9)
    if change < had and scene.dice.chance(0.5):
        now, verb = had - change, "lost"
    else:
        now, verb = had + change, "bought"
    scene.counts[who.name, thing] = now
    they = scene.subject(who)
    return f"{they} {verb} {change} {plural(thing)}, so {who.he} had {now} {plural(thing)}."


def _cause(scene: Scene, who: Person) -> str:
    rule = scene.dice.zipf(scene.world.rules)
    scene.last = None
    if scene.dice.chance(0.5):
        return f"Because {rule.cause}, {rule.effect}."
    return f"{rule.cause.capitalize()}, and so {rule.effect}."


def _like(scene: Scene, who: Person) -> str:
    fact = scene.dice.below(4)
    they = scene.subject(who)
    if fact == 0:
        return f"{they} liked {plural(who.likes)} more than anything."
    if fact == 1:
        return f"{they} was the best {who.trade} of {who.home.name}."
    if fact == 2:
        return f"{they} thought of {who.his} friend {scene.world.people[who.friend].name}."
    return f"{they} did not trust {scene.world.people[who.rival].name}."


def _say(scene: Scene, who: Person) -> str:
    verb, thing = action(scene.dice, scene.topic)
    heard = scene.other(who)
    they = scene.subject(who)
    scene.last = None
    return f'"{heard.name}, {verb} the {thing}," said {they if they == who.name else who.he}.'


def _travel(scene: Scene, who: Person) -> str:
    old, scene.place = scene.place, scene.dice.zipf(scene.world.places)
    companion = scene.other(who)
    scene.last = None
    return (
        f"{who.name} and {companion.name} left {old.name} and went to {scene.place.name}, "
        f"{article(scene.place.kind)} on the {scene.place.river}."
    )


Event = Callable[[Scene, Person], str]
_EVENTS: Sequence[Event] = (
    _act,
    _give,
    _remember,
    _like,
    _count,
    _say,
    _find,
    _cause,
    _travel,
)


def story(world: World, dice: Dice) -> str:
    """A story of a few paragraphs."""
    scene = Scene(world, dice)
    hero = scene.cast[0]
    opening = (
        f"One {dice.zipf(_SEASONS)}, {hero.name} {hero.surname} the {hero.trade} was in "
        f"{scene.place.name} with {' and '.join(one.name for one in scene.cast[1:])}."
    )
    paragraphs = [" ".join([opening, *_sentences(scene)])]
    paragraphs += [" ".join(_sentences(scene)) for _ in range(dice.between(1, 3))]
    return "\n".join(paragraphs)


def _sentences(scene: Scene) -> list[str]:
    return [scene.sentence() for _ in range(scene.dice.between(3, 7))]


# ------------------------------------------------------------------------------ dialogue


def dialogue(world: World, dice: Dice) -> str:
    """Two people in turns; who was asked about something answers with what is true."""
    left, right = world.company(dice, 2)
    greeting = dice.zipf(world.greetings)
    lines = [f"{left.name}: {greeting}, {right.name}.", f"{right.name}: {greeting}, {left.name}."]
    for _ in range(dice.between(2, 6)):
        asks, answers = (left, right) if dice.chance(0.6) else (right, left)
        question, answer = dice.zipf(_QUESTIONS)(world, dice, answers)
        lines += [f"{asks.name}: {question}", f"{answers.name}: {answer}"]
    if dice.chance(0.5):
        lines.append(f"{left.name}: {dice.zipf(world.greetings)}, {right.name}.")
    return "\n".join(lines)


def _ask_home(world: World, dice: Dice, who: Person) -> tuple[str, str]:
    return "Where do you live?", f"I live in {who.home.name}, in {who.home.region}."


def _ask_trade(world: World, dice: Dice, who: Person) -> tuple[str, str]:
    verb, thing = action(dice, who.topic)
    return "What is your trade?", f"I am {article(who.trade)}. I {verb} the {thing}."


def _ask_about(world: World, dice: Dice, who: Person) -> tuple[str, str]:
    third = world.person(dice)
    return (
        f"What does {third.name} {third.surname} like?",
        f"{third.he.capitalize()} likes {plural(third.likes)}.",
    )


def _ask_place(world: World, dice: Dice, who: Person) -> tuple[str, str]:
    place = dice.zipf(world.places)
    answer = f"They make {plural(place.goods)} there, and the {place.river} runs by."
    return f"What is {place.name} known for?", answer


def _ask_why(world: World, dice: Dice, who: Person) -> tuple[str, str]:
    rule = dice.zipf(world.rules)
    return f"Why is it that {rule.effect}?", f"Because {rule.cause}."


_QUESTIONS = (_ask_home, _ask_about, _ask_trade, _ask_why, _ask_place)
