"""The ways of making a candidate: turning knobs, moves, undoing, repairing, merging, going on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from random import Random

from autores.plugins.agents.evolve.genome import ON, Edit, Files, Genome, edited, is_text
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.joins import Join
from autores.plugins.agents.evolve.knobs import Knob, read_text
from autores.plugins.agents.evolve.literals import Value
from autores.plugins.agents.evolve.model import Model
from autores.plugins.agents.evolve.scales import FURTHEST
from autores.plugins.agents.evolve.territory import is_named

_STEPS = (0.12, 0.25, 0.5, 1.0, 1.8)
_RATES = ("lr", "rate", "learning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Edits of the parent's tree that may be worth a trial."""

    edits: tuple[Edit, ...]
    operator: str
    cites: tuple[int, ...] = ()
    """Trials that it builds on, the most important first."""
    merges: tuple[int, ...] = ()
    """Trials whose edits went into it."""
    why: str = ""
    """What the hypothesis says of the reason."""
    tree: Files | None = field(default=None, compare=False)
    """What a merge of texts made; None where the edits say it all."""

    @property
    def key(self) -> frozenset[tuple[str, str]]:
        """Equal for the same change, however it was found."""
        return frozenset((edit.gene, edit.new) for edit in self.edits)

    def genome(self, parent: Genome) -> Genome:
        """What it would make of the parent's."""
        return edited(parent, self.edits)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that candidates are made from."""

    parent: Observation
    knobs: tuple[Knob, ...]
    """Those that may be turned, as they stand in the parent's tree."""
    moves: tuple[Edit, ...]
    """Moves that can be made or undone there."""
    seen: Sequence[Observation]
    model: Model
    random: Random
    suggested: Sequence[Mapping[str, float]] = ()
    """Coordinates by gene, from a sampler."""
    joins: Sequence[Join] = ()
    blocked: tuple[str, ...] = ()
    """Names that nobody may touch for now."""

    @cached_property
    def own(self) -> frozenset[str]:
        """The genes that the specialist may change by itself."""
        return frozenset((*(k.gene for k in self.knobs), *(edit.gene for edit in self.moves)))

    def is_free(self, gene: str) -> bool:
        """Whether a gene may be touched by some specialist; texts only come with whole trees."""
        return not is_text(gene) and not any(is_named(gene, name) for name in self.blocked)

    def single_turn(self, knob: Knob, coordinate: float) -> Edit | None:
        """A number moved to a coordinate; None where it would stay as it is."""
        if knob.scale is None or abs(coordinate) > FURTHEST:
            return None
        return turn(knob, knob.scale.value(coordinate))


def turn(knob: Knob, value: Value) -> Edit | None:
    """One knob at another value; None where that is the one it has."""
    same = type(value) is type(knob.literal.value) and value == knob.literal.value
    number = not isinstance(value, str | bool) and value == knob.literal.value
    if same or number:
        return None
    return Edit(gene=knob.gene, old=knob.literal.text, new=knob.text(value))


Operator = Callable[[Situation], Iterable[Candidate]]


def turns(at: Situation) -> Iterator[Candidate]:
    """One knob, by small and large steps to both sides."""
    for knob in at.knobs:
        for edit in _around(at, knob):
            yield Candidate(edits=(edit,), operator="turn")


def _around(at: Situation, knob: Knob) -> Iterator[Edit]:
    if knob.scale is None or isinstance(knob.literal.value, str):
        values: list[Value] = [v for v in knob.choices if v != knob.literal.value]
    else:
        here = knob.scale.coordinate(knob.literal.value)
        steps = at.random.sample(_STEPS, 3)
        jitter = [step * at.random.uniform(0.7, 1.4) for step in steps]
        there = [here + sign * step for step in jitter for sign in (-1, 1)]
        values = [knob.scale.value(c) for c in there if abs(c) <= FURTHEST]
        values += [knob.scale.beside(knob.literal.value, up) for up in (False, True)]
    yield from filter(None, (turn(knob, value) for value in dict.fromkeys(values)))


def moves(at: Situation) -> Iterator[Candidate]:
    """A move of the task, made or undone."""
    for edit in at.moves:
        operator = "move" if edit.new == ON else "undo"
        yield Candidate(edits=(edit,), operator=operator)


def returns(at: Situation) -> Iterator[Candidate]:
    """A knob halfway or all the way back to where it came from."""
    for knob in at.knobs:
        allele = at.parent.genome.get(knob.gene)
        origin = read_text(allele.origin) if allele else None
        if origin is None:
            continue
        edit = turn(knob, origin)
        if edit is not None:
            yield Candidate(edits=(edit,), operator="undo")


def variants(at: Situation) -> Iterator[Candidate]:
    """A move with the learning rate halved or doubled: new dynamics want another one."""
    for made in at.moves:
        if made.new == ON:
            cites = _trials_of(at, made)
            yield from at_other_rates(at, Candidate(edits=(made,), operator="move", cites=cites))


def at_other_rates(at: Situation, candidate: Candidate) -> Iterator[Candidate]:
    """The same edits, with a learning rate that they leave alone halved or doubled."""
    taken = {edit.gene for edit in candidate.edits}
    rates = [k for k in at.knobs if k.scale is not None and _is_rate(k)]
    for knob in (k for k in rates[:2] if k.gene not in taken):
        for step in (-1.0, 1.0):
            edit = at.single_turn(knob, _here(knob) + step)
            if edit is not None:
                yield replace(candidate, edits=(*candidate.edits, edit), operator="variant")


def _is_rate(knob: Knob) -> bool:
    return any(part in _RATES for part in knob.literal.name.lower().replace("(", "_").split("_"))


def _here(knob: Knob) -> float:
    value = knob.literal.value
    return 0.0 if isinstance(value, str) else knob.coordinate(value)


def _trials_of(at: Situation, edit: Edit) -> tuple[int, ...]:
    """The trials that tried this very edit, newest first."""
    found = [
        o.id for o in at.seen if any((e.gene, e.new) == (edit.gene, edit.new) for e in o.edits)
    ]
    return tuple(sorted(found, reverse=True)[:3])


def further(at: Situation) -> Iterator[Candidate]:
    """On in the direction in which a trial got better, or back from one that got worse."""
    knobs = {knob.gene: knob for knob in at.knobs}
    for seen in at.seen[:60]:
        for edit in seen.edits:
            knob = knobs.get(edit.gene)
            if knob is None or knob.scale is None or not _is_lesson(seen):
                continue
            old, new = read_text(edit.old), read_text(edit.new)
            if isinstance(old, str | None) or isinstance(new, str | None):
                continue
            step = knob.coordinate(new) - knob.coordinate(old)
            for share in (0.5, 1.0, -0.6):
                found = at.single_turn(knob, _here(knob) + share * step)
                if found is not None:
                    yield Candidate(edits=(found,), operator="further", cites=(seen.id,))


def _is_lesson(seen: Observation) -> bool:
    """Whether a trial says of one or two edits which way is better."""
    return len(seen.edits) <= 2 and seen.fate in (Fate.MEASURED, Fate.MISSED)


def suggestions(at: Situation) -> Iterator[Candidate]:
    """What the sampler asks to be measured."""
    knobs = {knob.gene: knob for knob in at.knobs}
    for point in at.suggested:
        edits = [at.single_turn(knobs[gene], c) for gene, c in sorted(point.items())]
        told = tuple(edit for edit in edits if edit is not None)
        if told:
            yield Candidate(edits=told, operator="sample")


# ------------------------------------------------------------------ learning from others


def merges(at: Situation) -> Iterator[Candidate]:
    """What made another trial good, on top of this tree."""
    for other in _good(at):
        edits = transplant(at, other)
        if edits:
            yield Candidate(edits=edits, operator="merge", cites=(other.id,), merges=(other.id,))


def loans(at: Situation) -> Iterator[Candidate]:
    """Each edit that others tried in parts which are theirs: to be made together with own ones."""
    known: set[tuple[str, str]] = set()
    for other in at.seen:
        if other.fate not in (Fate.MEASURED, Fate.MISSED):
            continue
        for edit in other.edits:
            key = edit.gene, edit.new
            if edit.gene in at.own or key in known or not at.is_free(edit.gene):
                continue
            known.add(key)
            here = _now(at.parent.genome, edit, other.genome)
            if here != edit.new:
                lent = Edit(gene=edit.gene, old=here, new=edit.new)
                yield Candidate(
                    edits=(lent,), operator="loan", cites=(other.id,), merges=(other.id,)
                )


def _now(genome: Genome, edit: Edit, other: Genome) -> str:
    """What a gene is in a tree, by the genome that another trial's edit led to."""
    if edit.gene in genome:
        return genome[edit.gene].now
    return other[edit.gene].origin if edit.gene in other else edit.new


def joins(at: Situation) -> Iterator[Candidate]:
    """The whole texts of two trials that led, merged three ways."""
    for join in at.joins:
        yield Candidate(
            edits=join.edits,
            operator="join",
            cites=(join.trial,),
            merges=(join.trial,),
            tree=join.files,
        )


def _good(at: Situation) -> Iterator[Observation]:
    """Trials that led, or scored better than what they were made from."""
    height = {o.id: at.model.yard.height(o.score) for o in at.seen if o.score is not None}
    for seen in at.seen:
        base = height.get(seen.parent) if seen.parent is not None else None
        better = base is not None and height.get(seen.id, base) > base
        if seen.fate is Fate.MEASURED and seen.edits and (seen.leading or better):
            yield seen


def transplant(at: Situation, other: Observation) -> tuple[Edit, ...]:
    """The other trial's own edits, as edits of this tree; those that are not ours are left out."""
    wanted = {edit.gene: edit.new for edit in other.edits}
    texts = {knob.gene: knob.literal.text for knob in at.knobs}
    turned = [
        Edit(gene=gene, old=texts[gene], new=new)
        for gene, new in wanted.items()
        if gene in texts and texts[gene] != new
    ]
    moved = [edit for edit in at.moves if wanted.get(edit.gene) == edit.new]
    return (*turned, *moved)


def repairs(at: Situation) -> Iterator[Candidate]:
    """A near miss, with an edit that gives back what it missed."""
    misses = [o for o in at.seen if o.fate is Fate.MISSED and (o.worst_gate or o.over)]
    promising = sorted(misses, key=lambda o: (-_promise(at, o), -o.id))[:4]
    singles = [c.edits[0] for c in (*turns(at), *moves(at))]
    for miss in promising:
        base = transplant(at, miss)
        if base:
            yield from _mended(at, miss, base, singles)


def _promise(at: Situation, miss: Observation) -> float:
    """The gain that a miss would have been."""
    if miss.score is None or at.parent.score is None:
        return 0.0
    return at.model.yard.height(miss.score) - at.model.yard.height(at.parent.score)


def _mended(
    at: Situation, miss: Observation, base: tuple[Edit, ...], singles: Sequence[Edit]
) -> Iterator[Candidate]:
    what = miss.worst_gate or miss.over
    taken = {edit.gene for edit in base}
    free = [edit for edit in singles if edit.gene not in taken]
    genomes = [edited(at.parent.genome, (edit,)) for edit in free]
    relief = at.model.relief(what, at.parent.genome, genomes)
    best = sorted(range(len(free)), key=lambda i: -relief[i])[:6]
    why = shortfall(miss)
    for i in best:
        if relief[i] > 0:
            yield Candidate(
                edits=(*base, free[i]),
                operator="repair",
                cites=(miss.id,),
                merges=(miss.id,),
                why=why,
            )
    weaker = _halved(at, base)
    if weaker:
        yield Candidate(edits=weaker, operator="repair", cites=(miss.id,), why=why)


def _halved(at: Situation, base: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The same edits, half as far."""
    knobs = {knob.gene: knob for knob in at.knobs}
    found: list[Edit] = []
    for edit in base:
        knob, new = knobs.get(edit.gene), read_text(edit.new)
        if knob is not None and knob.scale is not None and not isinstance(new, str | None):
            half = at.single_turn(knob, (_here(knob) + knob.coordinate(new)) / 2)
            found += [half] if half is not None else []
    return tuple(found)


def shortfall(miss: Observation) -> str:
    """By how much, in words."""
    gate = miss.worst_gate
    if gate:
        return f"{gate} {-miss.margins[gate].value:.2%} short"
    return miss.detail or f"over its {miss.over}"


def compounds(best: Sequence[Candidate], most: int) -> Iterator[Candidate]:
    """Pairs of promising candidates that do not touch the same gene."""
    for a, b in combinations((c for c in best if c.tree is None), 2):
        genes = {e.gene for e in a.edits}
        if len(a.edits) + len(b.edits) <= most and not genes & {e.gene for e in b.edits}:
            yield Candidate(
                edits=(*a.edits, *b.edits),
                operator="compound" if a.operator != "repair" else "repair",
                cites=tuple(dict.fromkeys((*a.cites, *b.cites)))[:4],
                merges=tuple(dict.fromkeys((*a.merges, *b.merges))),
                why=a.why or b.why,
            )


def unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Each change once, the first way of finding it."""
    return list({candidate.key: candidate for candidate in reversed([*candidates])}.values())[::-1]
