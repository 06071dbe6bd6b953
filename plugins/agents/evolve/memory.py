"""What a session's view says, as observations. Remembers only what follows from a commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from autores.agent import Session
from autores.lineage.store import NoSuchTrial, Order, Query
from autores.lineage.view import LineageView
from autores.moves import Move
from autores.plugins.agents.evolve.genome import (
    Files,
    Notes,
    apply,
    difference,
    edited,
    genome_of,
    text_edit,
    texts_of,
)
from autores.plugins.agents.evolve.history import Observation, notes_of, observe
from autores.plugins.agents.evolve.recent import Recent
from autores.records import Trial

FOREIGN = 40
"""Trees of other agents that are read, at most: the parent's, then the newest ones."""


class Memory:
    """Reads lineages; one for all sessions of a run.

    Nothing of one session's view reaches another: what is remembered is what a commit's own
    notes and files say, and it is only asked for trials that a view shows.
    """

    def __init__(self, moves: Iterable[Move], *, window: int) -> None:
        self.moves: Mapping[str, Move] = {move.name: move for move in moves}
        self._window = window
        self._foreign: Recent[tuple[str, str, str], Notes] = Recent(5_000)
        """By the commits of the seed recipe and of what was edited, as the view shows them, and
        of the trial."""

    def observations(self, session: Session) -> list[Observation]:
        """The trials to learn from, newest first: the latest, the best, the seed recipe."""
        view, task = session.view, session.brief.task
        calibration = view.calibration
        trials = list(_window(view, self._window, session.brief.parent))
        notes = self._all_notes(session, trials)
        return [observe(t, notes[t.id], task, calibration) for t in trials if t.id in notes]

    def _all_notes(self, session: Session, trials: Iterable[Trial]) -> dict[int, Notes]:
        """Of trials that another agent made, those that are read follow from the view alone."""
        found: dict[int, Notes] = {}
        foreign: list[Trial] = []
        for trial in trials:
            notes = notes_of(trial)
            if notes is None:
                foreign.append(trial)
            else:
                found[trial.id] = notes
        first = sorted(foreign, key=lambda trial: trial.id != session.brief.parent)[:FOREIGN]
        for trial in sorted(first, key=lambda trial: trial.id):
            found[trial.id] = self._read(session, trial, found)
        return found

    def _read(self, session: Session, trial: Trial, known: Mapping[int, Notes]) -> Notes:
        """Notes for a trial that another agent made, from its tree and what was edited."""
        base = _base(session.view, trial)
        key = (
            session.view.trial(0).submission.commit,
            base.submission.commit,
            trial.submission.commit,
        )
        texts = texts_of(known[base.id].genome) if base.id in known else {}
        kept = self._foreign.get(key) or self._foreign.put(
            key, self._compared(session, base, trial)
        )
        return replace(kept, genome={**texts, **kept.genome})

    def _compared(self, session: Session, base: Trial, trial: Trial) -> Notes:
        seed, before, after = (_files(session, number) for number in (0, base.id, trial.id))
        old, own = (genome_of(seed, files, self.moves) for files in (before, after))
        edits = difference(old, own)
        if apply(before, edits, self.moves) == after:
            return Notes(operator="", edits=edits, genome=own)
        text = text_edit(trial.submission.commit)
        return Notes(operator="", edits=(*edits, text), genome=edited(own, [text]))


def _files(session: Session, trial: int) -> Files:
    tree = session.snapshot(trial)
    return {path: tree.read(path) for path in tree}


def _base(view: LineageView, trial: Trial) -> Trial:
    """The trial that was edited; the seed recipe where the view hides it."""
    try:
        return view.trial(trial.parent or 0)
    except NoSuchTrial:
        return view.trial(0)


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
