"""How likely an edit is to run at all, and how often each kind of attempt has paid.

Both are counts over the lineage, so that a resumed run knows what the first one learnt.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from autores.plugins.agents.evolve.features import step_between, step_of
from autores.plugins.agents.evolve.genome import Edit
from autores.plugins.agents.evolve.history import Fate, Observation

_BLAME = {Fate.BROKEN: 1.0, Fate.REFUSED: 2.0}
"""How many trials' worth of doubt one failure adds: what gates refuse once, they refuse again."""
_STRENGTH = 2.0
"""How many trials the first guess of an edit's odds is worth."""
_CAUTION = 0.03
"""Odds fall by this for the square of a step, before anything is known."""
_NEARER = 0.6
"""What a failure further out says of a small step in its direction."""


@dataclass(frozen=True, slots=True)
class _Case:
    text: str
    blame: float


class RunOdds:
    """Chances that edits run, from what crashed and what did not."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        """Count."""
        self._cases: dict[str, list[_Case]] = defaultdict(list)
        self._chances: dict[Edit, float] = {}
        finished = [seen for seen in observations if seen.fate is not Fate.PENDING]
        even = [[1 / len(o.edits) for _ in o.edits] for o in finished]
        self._count(finished, even)
        shares = [self._shares(seen) for seen in finished]
        self._cases.clear()
        self._count(finished, shares)

    def of(self, edits: Iterable[Edit]) -> float:
        """The chance that all of them together run."""
        return math.prod(self._chance(edit) for edit in edits)

    def _chance(self, edit: Edit) -> float:
        if edit not in self._chances:
            self._chances[edit] = self._one(edit)
        return self._chances[edit]

    def _count(self, seen: Sequence[Observation], shares: Sequence[Sequence[float]]) -> None:
        for trial, parts in zip(seen, shares, strict=True):
            for edit, part in zip(trial.edits, parts, strict=True):
                blame = part * _blame(trial)
                self._cases[edit.gene].append(_Case(edit.new, blame))

    def _shares(self, seen: Observation) -> list[float]:
        """Of the blame, by how much each edit is under suspicion on other trials' account."""
        if len(seen.edits) < 2 or not _blame(seen):
            return [1.0] * len(seen.edits)
        doubts = [1.0 - self._one(edit) for edit in seen.edits]
        return [doubt / sum(doubts) for doubt in doubts]

    def _one(self, edit: Edit) -> float:
        step = step_of(edit)
        guess = _first_guess(edit) * math.exp(-_CAUTION * step**2)
        ran = failed = 0.0
        for case in self._cases.get(edit.gene, ()):
            share = _bearing(edit, step, case)
            failed += case.blame * share
            ran += share == 1.0 and not case.blame
        good = _STRENGTH * guess * math.pow(0.5, failed) + ran
        return good / (good + _STRENGTH * (1 - guess) + failed)


def _blame(seen: Observation) -> float:
    """Whoever goes over a limit broke it by going too far, as one who crashed."""
    return _BLAME.get(seen.fate, 1.0 if seen.over else 0.0)


def _bearing(edit: Edit, step: float, case: _Case) -> float:
    """How much a case says of an edit, from 0 to 1.

    Numbers break beyond a cliff: what failed speaks against going as far and, less, against
    going that way; what ran speaks for all that lies between.
    """
    if not step:
        return float(case.text == edit.new)
    far = step_between(edit.gene, edit.old, case.text)
    if far * step <= 0:
        return 0.0
    if case.blame:
        return 1.0 if abs(step) >= abs(far) else max(_NEARER, step / far)
    return float(abs(step) <= abs(far))


def _first_guess(edit: Edit) -> float:
    """Settings of a module are made to be changed, arguments deep in the code are not."""
    if edit.move:
        return 0.93
    inside = "." in edit.name.partition("#")[0] or "(" in edit.name
    return 0.5 if inside else 0.97


# ------------------------------------------------------------------------------- bandits


@dataclass(slots=True)
class _Arm:
    paid: float = 0.0
    tried: float = 0.0


class Bandit:
    """Thompson sampling over arms that pay or do not."""

    def __init__(self, pulls: Iterable[tuple[str, float]], *, paid: float, unpaid: float) -> None:
        """Count pulls.

        Args:
            pulls: Arm and what it paid, from 0 to 1.
            paid: How many successes every arm begins with.
            unpaid: How many failures.
        """
        self._arms: dict[str, _Arm] = defaultdict(_Arm)
        self._begin = (paid, unpaid)
        for name, reward in pulls:
            self._arms[name].tried += 1
            self._arms[name].paid += reward

    def draw(self, name: str, random: Random) -> float:
        """A draw of the chance that the arm pays, relative to a new arm's mean."""
        arm = self._arms.get(name, _Arm())
        paid, unpaid = self._begin
        chance = random.betavariate(paid + arm.paid, unpaid + arm.tried - arm.paid)
        return chance * (paid + unpaid) / paid


def operator_pulls(
    observations: Iterable[Observation], reward: Mapping[int, float]
) -> list[tuple[str, float]]:
    """What each finished trial says of the operator that made it."""
    return [
        (seen.operator, reward.get(seen.id, 0.0))
        for seen in observations
        if seen.operator and seen.fate is not Fate.PENDING
    ]


def move_pulls(
    observations: Iterable[Observation], reward: Mapping[int, float]
) -> list[tuple[str, float]]:
    """The same of the moves in it."""
    return [
        (edit.gene, reward.get(seen.id, 0.0))
        for seen in observations
        if seen.fate is not Fate.PENDING
        for edit in seen.edits
        if edit.move
    ]
