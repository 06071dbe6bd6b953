"""What a session's view says, as observations. Remembers only what follows from a commit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from autores.agent import Session
from autores.lineage.store import NoSuchTrial, Order, Query
from autores.lineage.view import LineageView
from autores.moves import Move
from autores.plugins.agents.evolve.genome import Files, Notes, difference, genome_of
from autores.plugins.agents.evolve.history import Observation, notes_of, observe
from autores.records import Trial

K = TypeVar("K")
V = TypeVar("V")

FOREIGN = 20
"""Trees of other agents that are read in one session, at most: each costs a checkout."""


class Recent(Generic[K, V]):
    """A mapping that forgets what was longest unused."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """What is kept under a key."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep something."""
        self._kept[key] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value


class Memory:
    """Reads lineages; one for all sessions of a run.

    Nothing of one session's view reaches another: what is remembered is what a commit's own
    notes and files say, and it is only asked for trials that a view shows.
    """

    def __init__(self, moves: Iterable[Move], *, window: int) -> None:
        self.moves: Mapping[str, Move] = {move.name: move for move in moves}
        self._window = window
        self._foreign: Recent[tuple[str, str], Notes] = Recent(5_000)
        """By the commits of the seed recipe, as the view shows it, and of the trial."""

    def observations(self, session: Session) -> list[Observation]:
        """The trials to learn from, newest first: the latest, the best, the seed recipe."""
        view, task = session.view, session.brief.task
        calibration = view.calibration
        trials = list(_window(view, self._window, session.brief.parent))
        notes = self._all_notes(session, trials)
        return [observe(t, notes[t.id], task, calibration) for t in trials if t.id in notes]

    def _all_notes(self, session: Session, trials: Iterable[Trial]) -> dict[int, Notes]:
        seed = session.view.trial(0).submission.commit
        found: dict[int, Notes] = {}
        foreign: list[Trial] = []
        for trial in trials:
            notes = notes_of(trial) or self._foreign.get((seed, trial.submission.commit))
            if notes is None:
                foreign.append(trial)
            else:
                found[trial.id] = notes
        first = sorted(foreign, key=lambda trial: trial.id != session.brief.parent)
        return found | self._read(session, first[:FOREIGN])

    def _read(self, session: Session, trials: list[Trial]) -> dict[int, Notes]:
        """Notes for trials that another agent made, from their trees."""
        if not trials:
            return {}
        view, workspace = session.view, session.workspace
        seed = view.trial(0).submission.commit
        bases = {trial.id: _base(view, trial) for trial in trials}
        trees: dict[str, Files] = {}
        here = workspace.commit
        for commit in sorted({seed, *bases.values(), *(t.submission.commit for t in trials)}):
            workspace.checkout(commit)
            trees[commit] = workspace.snapshot()
        workspace.checkout(here)
        genomes = {c: genome_of(trees[seed], tree, self.moves) for c, tree in trees.items()}
        found: dict[int, Notes] = {}
        for trial in trials:
            own = genomes[trial.submission.commit]
            edits = difference(genomes[bases[trial.id]], own)
            notes = Notes(operator="", edits=edits, genome=own)
            found[trial.id] = self._foreign.put((seed, trial.submission.commit), notes)
        return found


def _base(view: LineageView, trial: Trial) -> str:
    """The commit that was edited; the seed recipe's where the view hides it."""
    try:
        return view.trial(trial.parent or 0).submission.commit
    except NoSuchTrial:
        return view.trial(0).submission.commit


def _window(view: LineageView, size: int, parent: int) -> Iterator[Trial]:
    """Each trial once."""
    chosen: dict[int, Trial] = {}
    for trial in (
        view.trial(parent),
        view.trial(0),
        *view.query(Query(order=Order.BEST, limit=size // 3)),
        *view.query(Query(order=Order.NEWEST, limit=size)),
    ):
        if len(chosen) < size:
            chosen.setdefault(trial.id, trial)
    yield from sorted(chosen.values(), key=lambda trial: -trial.id)
