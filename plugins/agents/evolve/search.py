"""One proposal: make candidates, judge them, draw, and take the best one that is new."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

from autores.moves import Move
from autores.plugins.agents.evolve import asked
from autores.plugins.agents.evolve import candidates as make
from autores.plugins.agents.evolve.asked import Words
from autores.plugins.agents.evolve.candidates import Candidate, Operator, Situation
from autores.plugins.agents.evolve.genome import OFF, ON, Edit, Files, Genome, apply, digest
from autores.plugins.agents.evolve.genome import move_gene as gene_of
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.joins import Join
from autores.plugins.agents.evolve.literals import parses
from autores.plugins.agents.evolve.model import Model, Yardstick, rewards
from autores.plugins.agents.evolve.odds import Bandit, move_pulls, operator_pulls
from autores.plugins.agents.evolve.sampler import LocalSampler, Sampler
from autores.plugins.agents.evolve.scales import FURTHEST
from autores.plugins.agents.evolve.settings import Settings
from autores.plugins.agents.evolve.territory import Territory
from autores.records import Metric

_TRIED = 40
"""Candidates whose trees are made before a search looks for any tree that is new."""
_PROMISING = 10
"""Candidates that are combined in pairs."""
_MOST_PAIRED = 3
"""Edits of such a pair."""
_BUNDLED = 2
"""Candidates that are bundled with more and more others, while that is worth more."""
_GENES, _EDITS_OF_EACH = 30, 2
"""Promising genes, and edits of each, that a bundle is made from."""
_STRAYS = 200
_TIMES = ("s", "ms", "min", "h")
"""Units of scores that more work makes worse while it betters what a gate asks for."""
_PAID, _UNPAID = 4.0, 8.0
"""What every kind of edit and every move begins with: draws that differ by little at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Where a search starts, what it knows, and what it may do."""

    parent: Observation
    territory: Territory
    moves: Mapping[str, Move]
    seen: Sequence[Observation]
    """The trials to learn from, newest first."""
    known: Callable[[str], bool]
    """Whether a tree of that id was submitted before."""
    metric: Metric
    spread: float
    """Standard deviation of one look at a score; 0 where it is unknown."""
    seed: int
    headroom: float | None = math.inf
    """How often the parent's work can be doubled in the time that training has; None: training
    takes all of that anyway."""
    sampler: Sampler = field(default_factory=LocalSampler)
    joins: Sequence[Join] = ()
    words: Sequence[Words] = ()
    """Of the people who run this, the most pressing first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is proposed."""

    candidate: Candidate
    files: Files
    tree: str
    """Id of the files' git tree."""
    genome: Genome
    delta: float | None
    """The expected change of the score in its own unit; None where nothing is measured yet."""
    fits: float
    """The chance that gates and limits hold."""
    variants: tuple[Plan, ...] = ()
    """The same move at other rates, submitted with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    candidate: Candidate
    worth: float
    gain: float
    fits: float


def propose(question: Question, settings: Settings) -> Plan | None:
    """The best new candidate by model and draw; None where no new tree can be made."""
    at = situation(question, settings)
    plan = next(_plans(question, at, _asked(question, settings, at)), None)
    plan = plan or _searched(question, settings, at)
    others = () if plan is None else tuple(_variants(question, settings, at, plan))
    return plan and replace(plan, variants=others)


def unheard(question: Question, settings: Settings) -> tuple[Words, ...]:
    """Words that name nothing which can be done here."""
    if not question.words:
        return ()
    at = situation(question, settings)
    return tuple(w for w in question.words if not asked.candidates(at, w, question.moves))


def _asked(question: Question, settings: Settings, at: Situation) -> Iterator[_Judged]:
    """What people ask for: all of a queued idea's, and each hint's until it was tried."""
    for words in question.words:
        wanted = asked.candidates(at, words, question.moves)
        fresh = [c for c in wanted if words.once or not asked.is_done(c, question.seen)]
        if fresh:
            yield from sorted(_judged(at, fresh, _Luck(question, settings, at)), key=_by_worth)


def _searched(question: Question, settings: Settings, at: Situation) -> Plan | None:
    """What the search itself would have."""
    pool = make.unique(c for operator in _operators(settings) for c in operator(at))
    pool = at.random.sample(pool, min(len(pool), settings.pool))
    ranked = [j for j in _ranked(question, settings, at, pool) if _is_own(at, j.candidate)]
    return next(_plans(question, at, ranked[:_TRIED]), None) or _any(question, at)


def situation(question: Question, settings: Settings) -> Situation:
    """What candidates are made from."""
    parent, territory = question.parent, question.territory
    knobs = territory.knobs(parent.genome) if settings.knobs else ()
    model = _model(question)
    return Situation(
        parent=parent,
        knobs=knobs,
        moves=tuple(_possible(question)) if settings.moves else (),
        seen=question.seen,
        model=model,
        random=Random(question.seed),
        suggested=question.sampler.suggest(knobs, question.seen, model.yard, question.seed),
        joins=question.joins,
        blocked=territory.blocked,
    )


def _possible(question: Question) -> Iterator[Edit]:
    """Moves that can be made or undone in the parent's tree."""
    for name, move in sorted(question.moves.items()):
        made = gene_of(name) in question.parent.genome
        old, new = (ON, OFF) if made else (OFF, ON)
        if question.territory.offers(move, new):
            yield Edit(gene=gene_of(name), old=old, new=new)


def _model(question: Question) -> Model:
    scores = [o.score for o in question.seen if o.score is not None]
    yard = Yardstick.of(question.metric.direction, scores)
    headroom = None if question.metric.unit in _TIMES else question.headroom
    seen = question.seen
    if not scores:
        seen = [*seen, Observation(id=-1, genome=question.parent.genome, score=1.0)]
    return Model(seen, yard, question.spread, headroom)


def _operators(settings: Settings) -> list[Operator]:
    chosen: list[Operator] = [
        make.turns,
        make.moves,
        make.returns,
        make.variants,
        make.further,
        make.suggestions,
    ]
    chosen += [make.merges, make.loans, make.joins] if settings.merge else []
    return chosen + ([make.repairs] if settings.repair else [])


def _variants(question: Question, settings: Settings, at: Situation, plan: Plan) -> Iterator[Plan]:
    """What makes a move, at other rates: new dynamics rarely want the old one."""
    made = any(edit.move and edit.new == ON for edit in plan.candidate.edits)
    if settings.variants == 1 or not made or plan.candidate.tree is not None:
        return
    others = list(make.at_other_rates(at, plan.candidate))
    judged = sorted(_judged(at, others, _Luck(question, settings, at)), key=_by_worth)
    yield from islice(_plans(question, at, judged), settings.variants - 1)


def _is_own(at: Situation, candidate: Candidate) -> bool:
    """Whether a specialist changes anything by itself, or merges whole trees."""
    own = any(edit.gene in at.own for edit in candidate.edits)
    return own or candidate.tree is not None


# ------------------------------------------------------------------------------- ranking


def _ranked(
    question: Question, settings: Settings, at: Situation, pool: list[Candidate]
) -> list[_Judged]:
    """Best first: singles, pairs of the most promising, and bundles."""
    if not pool:
        return []
    luck = _Luck(question, settings, at)
    judged = sorted(_judged(at, pool, luck), key=_by_worth)
    best = [j.candidate for j in judged[:_PROMISING]]
    tried = {candidate.key for candidate in pool}
    most = min(_MOST_PAIRED, settings.most_edits)
    pairs = [c for c in make.compounds(best, most) if c.key not in tried]
    if pairs:
        judged = sorted([*judged, *_judged(at, make.unique(pairs), luck)], key=_by_worth)
    return sorted([*judged, *_bundles(at, judged, luck, settings.most_edits)], key=_by_worth)


def _bundles(at: Situation, judged: Sequence[_Judged], luck: _Luck, most: int) -> Iterator[_Judged]:
    """The best with more and more edits: where looks are noisy, one alone hardly shows."""
    others = list(_others(judged))
    for start in [j for j in judged if j.candidate.tree is None][:_BUNDLED]:
        best = start
        while options := [c for o in others for c in make.compounds((best.candidate, o), most)]:
            found = min(_judged(at, options, luck), key=_by_worth)
            if found.worth <= best.worth:
                break
            best = found
            yield best


def _others(judged: Iterable[_Judged]) -> Iterator[Candidate]:
    """Single edits of the most promising genes."""
    singles = (j.candidate for j in judged if len(j.candidate.edits) == 1)
    found: dict[str, int] = {}
    for candidate in singles:
        gene = candidate.edits[0].gene
        found[gene] = found.get(gene, 0) + 1
        if len(found) > _GENES:
            return
        if found[gene] <= _EDITS_OF_EACH and candidate.tree is None:
            yield candidate


def _by_worth(judged: _Judged) -> float:
    return -judged.worth


class _Luck:
    """Draws of how well each operator and each move does, the same within a proposal."""

    def __init__(self, question: Question, settings: Settings, at: Situation) -> None:
        reward = rewards(question.seen, at.model.yard)
        self._on = settings.draw
        self._operators = Bandit(operator_pulls(question.seen, reward), paid=_PAID, unpaid=_UNPAID)
        self._moves = Bandit(move_pulls(question.seen, reward), paid=_PAID, unpaid=_UNPAID)
        self._random, self._drawn = at.random, dict[str, float]()

    def of(self, candidate: Candidate) -> float:
        """The factor on a candidate's worth."""
        if not self._on:
            return 1.0
        total = self._draw(self._operators, candidate.operator)
        for edit in candidate.edits:
            if edit.move:
                total *= self._draw(self._moves, edit.gene)
        return total

    def _draw(self, bandit: Bandit, name: str) -> float:
        if name not in self._drawn:
            self._drawn[name] = bandit.draw(name, self._random)
        return self._drawn[name]


def _judged(at: Situation, pool: Sequence[Candidate], luck: _Luck) -> Iterator[_Judged]:
    genome = at.parent.genome
    judgement = at.model.judge(genome, [(c.genome(genome), c.edits) for c in pool])
    worth = judgement.worth
    for i, candidate in enumerate(pool):
        yield _Judged(
            candidate=candidate,
            worth=float(worth[i]) * luck.of(candidate),
            gain=float(judgement.gain[i]),
            fits=float(judgement.fits[i]),
        )


# --------------------------------------------------------------------------------- trees


def _plans(question: Question, at: Situation, ranked: Iterable[_Judged]) -> Iterator[Plan]:
    """The candidates that make a legal tree that nobody has submitted."""
    for judged in ranked:
        files = _tree(question, judged.candidate)
        if files is None or question.known(tree := digest(files)):
            continue
        score = at.parent.score
        yield Plan(
            candidate=judged.candidate,
            files=files,
            tree=tree,
            genome=judged.candidate.genome(at.parent.genome),
            delta=None if score is None else at.model.yard.change(score, judged.gain),
            fits=judged.fits,
        )


def _tree(question: Question, candidate: Candidate) -> Files | None:
    """Every edit is allowed by itself; what belongs to one specialist stays so together."""
    territory = question.territory
    files = candidate.tree or apply(territory.files, candidate.edits, question.moves)
    if candidate.tree is not None and not territory.allows(candidate.tree):
        return None
    if files is None or files == territory.files:
        return None
    if candidate.tree is None and not any(edit.move for edit in candidate.edits):
        return files  # literals in place of literals
    edited = (p for p in files if p.endswith(".py") and files[p] != territory.files.get(p))
    return files if all(parses(files[path]) for path in edited) else None


def _any(question: Question, at: Situation) -> Plan | None:
    """Whatever new tree there is, near or far: nothing is exhausted before this fails."""
    singles = [c for operator in (make.turns, make.moves, make.returns) for c in operator(at)]
    numbers = [knob for knob in at.knobs if knob.scale is not None]
    for _ in range(_STRAYS if numbers else 0):
        edit = at.single_turn(at.random.choice(numbers), at.random.uniform(-FURTHEST, FURTHEST))
        singles += [Candidate(edits=(edit,), operator="turn")] if edit else []
    pool = make.unique([*singles, *make.compounds(singles[:_STRAYS], 2)])
    at.random.shuffle(pool)
    ranked = (_Judged(candidate=c, worth=0.0, gain=0.0, fits=1.0) for c in pool)
    return next(_plans(question, at, ranked), None)
