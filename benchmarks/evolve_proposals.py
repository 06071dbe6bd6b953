"""How quickly evolve proposes, and how much more it finds than searches without a model."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.report import Report, Row

from autores.plugins.agents.evolve.candidates import turn
from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.genome import (
    OFF,
    ON,
    Edit,
    Files,
    apply,
    difference,
    digest,
    move_gene,
)
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.knobs import Knob
from autores.plugins.agents.evolve.laboratory import Course, Landscape, Searcher, State, Try
from autores.plugins.agents.evolve.laboratory import run as course_of
from autores.plugins.agents.evolve.sampler import sampler_named
from autores.plugins.agents.evolve.search import Question, propose
from autores.plugins.agents.evolve.settings import Settings
from autores.plugins.agents.evolve.tpe import Studies
from autores.records import Specialist
from autores.statistics import student_quantile

SEEDS = range(1_000, 1_012)
TRIALS = 100
SHORT = 30
TARGET_MS = 50.0
_GIVE_UP = 200
_FEW = 5
EVERYBODY = Specialist(key="all", title="Everybody", surfaces=("*",))
_ROOT = Observation(id=0, genome={})
SAMPLE = (
    "Each seed is a gated and a plain landscape; 18 knobs, 12 moves and four specialists in "
    "turn; every searcher has the same edits, gates, noise and rule."
)
MEANING = (
    "A gain is the logarithm of the seed recipe's true score over the head's. Synthetic "
    "landscapes tell searches apart; they say nothing about language models."
)


def evolve(settings: Settings, seconds: list[float] | None = None) -> Searcher:
    """The agent's own search on what a landscape shows."""
    sampler = sampler_named(settings.sampler)

    def search(state: State) -> Try | None:
        land = state.landscape
        question = Question(
            parent=state.head,
            territory=state.territory,
            moves=land.moves,
            seen=state.seen[: settings.window],
            known=state.known.__contains__,
            metric=land.task.metric,
            spread=land.noise * (state.head.score or 1.0),
            sampler=sampler,
            seed=state.seed,
            headroom=land.headroom_of(state.territory.files),
        )
        begun = time.process_time()
        plan = propose(question, settings)
        if seconds is not None:
            seconds.append(time.process_time() - begun)
        if plan is None:
            return None
        return Try(files=plan.files, edits=plan.candidate.edits, operator=plan.candidate.operator)

    return search


def local_random(state: State) -> Try | None:
    """One knob or move of the head at random: the same edits, gates and rule, no memory.

    Where all single ones were tried, as in a small space, two at once.
    """
    random = Random(state.seed)
    for _ in range(_GIVE_UP):
        made = _made(state, [random.choice(_genes(state))], random)
        if made is not None:
            return made
    return _two_at_once(state, random)


def _two_at_once(state: State, random: Random) -> Try | None:
    genes = _genes(state)
    for _ in range(_GIVE_UP if len(genes) > 1 else 0):
        made = _made(state, random.sample(genes, 2), random)
        if made is not None:
            return made
    return None


def one_plus_one(state: State) -> Try | None:
    """(1+1) evolution: each gene of the head changes with chance 1 / n."""
    random = Random(state.seed)
    genes = _genes(state)
    for _ in range(_GIVE_UP):
        chosen = [gene for gene in genes if random.random() < 1 / len(genes)]
        made = _made(state, chosen, random) if chosen else None
        if made is not None:
            return made
    return None


def hill_climbing(state: State) -> Try | None:
    """The head's neighbours in a random order, each tried once: middle, small, then large steps.

    Where all were tried, two at once, at random.
    """
    random = Random(digest(state.territory.files))
    genes = _genes(state)
    for reach in (0.7, 0.35, 1.4):
        steps = [(gene, side * reach) for gene in genes for side in (-1, 1)]
        random.shuffle(steps)
        for gene, step in steps:
            edits = tuple(_stepped(state, gene, step))
            files = apply(state.territory.files, edits, state.landscape.moves)
            if edits and files is not None and digest(files) not in state.known:
                return Try(files=files, edits=edits, operator="climb")
    return _two_at_once(state, Random(state.seed))


def random_search(state: State) -> Try | None:
    """One to four genes of the seed recipe at random, whoever owns them and whatever leads."""
    random, land = Random(state.seed), state.landscape
    everything = replace(state, territory=land.territory(EVERYBODY, land.seed_files), head=_ROOT)
    genes = _genes(everything)
    for _ in range(_GIVE_UP):
        made = _made(everything, random.sample(genes, random.randint(1, 4)), random)
        if made is not None:
            return _as_edit_of_head(state, made.files)
    return None


def tpe(state: State) -> Try | None:
    """Tree-structured Parzen estimators on all numbers together; a miss counts as the worst."""
    land = state.landscape
    territory = land.territory(EVERYBODY, land.seed_files)
    numbers = [knob for knob in territory.knobs({}) if knob.scale is not None]
    worst = max(o.score for o in state.seen if o.score is not None)
    told = [
        (point_of(o.genome), o.score if o.score and o.fate is Fate.MEASURED else worst)
        for o in reversed(state.seen)
    ]
    for attempt in range(_FEW):
        seed = state.seed + attempt
        (point,) = Studies(reach=2.0).suggest([k.gene for k in numbers], told, (), seed, 1)
        edits = [turn(k, k.scale.value(point[k.gene])) for k in numbers if k.scale is not None]
        files = apply(land.seed_files, filter(None, edits), land.moves)
        if files is not None and digest(files) not in state.known:
            return _as_edit_of_head(state, files)
    return None


def _as_edit_of_head(state: State, files: Files) -> Try:
    genome = state.landscape.genome(files)
    return Try(files=files, edits=difference(state.head.genome, genome), operator="random")


def _stepped(state: State, gene: Knob | str, step: float) -> Iterator[Edit]:
    """A gene moved by a step; a choice or a move has one other side each."""
    if isinstance(gene, str):
        yield _edit(state, gene, Random(0)) or Edit(gene=gene, old="", new="")
        return
    if gene.scale is None:
        others = [value for value in gene.choices if value != gene.literal.value]
        made = turn(gene, others[step > 0 and len(others) - 1])
    else:
        made = turn(gene, gene.scale.value(gene.coordinate(gene.literal.value) + step))
    yield from filter(None, [made])


def _genes(state: State) -> list[Knob | str]:
    moves = [
        name
        for name, move in sorted(state.landscape.moves.items())
        if state.territory.offers(move, OFF if move_gene(name) in state.head.genome else ON)
    ]
    return [*state.territory.knobs(state.head.genome), *moves]


def _made(state: State, genes: Sequence[Knob | str], random: Random) -> Try | None:
    edits = [edit for gene in genes if (edit := _edit(state, gene, random))]
    files = apply(state.territory.files, edits, state.landscape.moves)
    if not edits or files is None or digest(files) in state.known:
        return None
    return Try(files=files, edits=tuple(edits), operator="random")


def _edit(state: State, gene: Knob | str, random: Random) -> Edit | None:
    if isinstance(gene, str):
        name = move_gene(gene)
        old, new = (ON, OFF) if name in state.head.genome else (OFF, ON)
        return Edit(gene=name, old=old, new=new)
    if gene.scale is None:
        return turn(gene, random.choice(gene.choices))
    here = gene.coordinate(gene.literal.value)
    return turn(gene, gene.scale.value(here + random.gauss(0, 0.7)))


# ------------------------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of one searcher, in the order of the landscapes."""

    name: str
    courses: tuple[Course, ...]

    def gains(self, trials: int) -> list[float]:
        """The true gain of each run's head after so many trials."""
        return [course.gains[trials - 1] for course in self.courses]

    @property
    def failed(self) -> float:
        """Trials without a score that ranks, per run."""
        failed = (sum(o.fate is not Fate.MEASURED for o in c.seen) for c in self.courses)
        return statistics.fmean(failed)


def _landscapes(seeds: Sequence[int]) -> Iterator[tuple[int, Landscape]]:
    for seed in seeds:
        for gated in (True, False):
            yield seed, Landscape(seed, gated=gated)


def runs_of(name: str, make: Callable[[], Searcher], seeds: Sequence[int] = SEEDS) -> Runs:
    """Let a searcher work on every landscape."""
    courses = tuple(
        course_of(land, make(), trials=TRIALS, seed=seed) for seed, land in _landscapes(seeds)
    )
    return Runs(name=name, courses=courses)


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """95 % of a mean of paired differences, by Student."""
    n = len(differences)
    reach = student_quantile(0.975, n - 1) * statistics.stdev(differences) / n**0.5
    return statistics.fmean(differences) - reach, statistics.fmean(differences) + reach


def _note(ours: Runs, theirs: Runs, what: str) -> str:
    pairs = list(zip(ours.gains(TRIALS), theirs.gains(TRIALS), strict=True))
    low, high = interval([a - b for a, b in pairs])
    wins = sum(a > b for a, b in pairs)
    return (
        f"{what}: difference after {TRIALS} trials {low:+.3f} to {high:+.3f} (95 %, paired), "
        f"ahead on {wins} of {len(pairs)} landscapes"
    )


def _gain_rows(ours: Runs, theirs: Runs) -> Iterator[Row]:
    for trials in (SHORT, TRIALS):
        yield Row(
            name=f"true gain of the head after {trials} trials, {ours.name}",
            value=statistics.fmean(ours.gains(trials)),
            unit="log",
            baseline=statistics.fmean(theirs.gains(trials)),
            compared_with=theirs.name,
            samples=len(ours.courses),
        )


def run() -> Report:
    """All searchers on the same landscapes, with the same noise of the evaluator."""
    seconds: list[float] = []
    ours = runs_of("evolve", lambda: evolve(Settings(), seconds))
    local = runs_of("local random search", lambda: local_random)
    plus = runs_of("(1+1) evolution", lambda: one_plus_one)
    median = statistics.median(seconds)
    return Report(
        title="evolve on synthetic landscapes",
        rows=[
            Row(
                name="processor time of a proposal, median",
                value=1000 * median,
                unit="ms",
                limit=TARGET_MS,
                samples=len(seconds),
            ),
            Row(name="proposals of one core", value=1 / median, unit="/s", samples=len(seconds)),
            *_gain_rows(ours, local),
            *_gain_rows(ours, plus),
            Row(
                name=f"trials of {TRIALS} without a score, evolve",
                value=ours.failed,
                unit="",
                baseline=local.failed,
                compared_with=local.name,
                samples=len(ours.courses),
            ),
        ],
        notes=[
            _note(ours, local, "evolve against local random search"),
            _note(ours, plus, "evolve against (1+1) evolution"),
            SAMPLE,
            MEANING,
        ],
    )
