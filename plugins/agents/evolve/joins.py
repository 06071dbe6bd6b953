"""Merging the texts of two trees, where what another trial did is more than knobs and moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autores.agent import Session
from autores.plugins.agents.evolve.genome import Edit, Files, difference, is_text
from autores.plugins.agents.evolve.history import Observation
from autores.plugins.agents.evolve.recent import Recent
from autores.records import Direction
from autores.workspace.workspace import EditRefused

_MOST = 3
"""Trials that are merged for one proposal: each costs three checkouts, once."""
_REMEMBERED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A three-way merge of the parent's tree with a trial's, without a conflict."""

    trial: int
    files: Files
    edits: tuple[Edit, ...]
    """What the trial brings, as far as genes say it."""


class Joiner:
    """Merges trees in a session's workspace; remembers what came of it, by commits."""

    def __init__(self) -> None:
        self._kept: Recent[tuple[str, str, str], tuple[Files | None]] = Recent(_REMEMBERED)

    def joins(self, session: Session, seen: Sequence[Observation]) -> tuple[Join, ...]:
        """Merges of the session's parent with the best trials whose texts it does not have."""
        known = {o.id: o for o in seen}
        parent = known[session.brief.parent]
        others = _foreign(parent, seen, session.brief.task.metric.direction)
        if not others:
            return ()
        ours = [trial.id for trial in session.view.path(parent.id)]
        found = (self._join(session, known, ours, other) for other in others[:_MOST])
        return tuple(join for join in found if join is not None)

    def _join(
        self,
        session: Session,
        known: Mapping[int, Observation],
        ours: Sequence[int],
        other: Observation,
    ) -> Join | None:
        theirs = [trial.id for trial in session.view.path(other.id)]
        base = max({*ours} & {*theirs}, default=0)
        if base == other.id:
            return None
        files = self._merged(session, base, other.id)
        before = known[base].genome if base in known else {}
        edits = difference(before, other.genome)
        return None if files is None else Join(trial=other.id, files=files, edits=edits)

    def _merged(self, session: Session, base: int, other: int) -> Files | None:
        commits = [session.view.trial(trial).submission.commit for trial in (base, other)]
        key = (session.workspace.commit, commits[0], commits[1])
        kept = self._kept.get(key) or self._kept.put(key, (merged(session, *commits),))
        return kept[0]


def merged(session: Session, ancestor: str, theirs: str) -> Files | None:
    """The workspace's tree and a commit, both made from the ancestor; None where they conflict."""
    workspace = session.workspace
    here, ours = workspace.commit, workspace.snapshot()
    try:
        workspace.checkout(ancestor)
        before = workspace.snapshot()
        for path in sorted({*before, *ours}):
            if path not in ours:
                workspace.delete(path)
            elif before.get(path) != ours[path]:
                workspace.write(path, ours[path])
        moved = workspace.rebase(theirs)
        return None if moved.conflicts else workspace.snapshot()
    except EditRefused:
        return None
    finally:
        workspace.checkout(here)


def _foreign(
    parent: Observation, seen: Sequence[Observation], direction: Direction
) -> list[Observation]:
    """Trials that led, with texts that the parent lacks, best first."""
    found = [
        other
        for other in seen
        if other.leading
        and other.score is not None
        and any(is_text(gene) and gene not in parent.genome for gene in other.genome)
    ]
    return sorted(found, key=lambda o: (-direction.gain(0.0, o.score or 0.0), -o.id))
