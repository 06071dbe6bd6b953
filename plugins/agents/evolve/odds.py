"""How likely an edit is to run at all, and how often each kind of attempt has paid.

Both are counts over the lineage, so that a resumed run knows what the first one learnt.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from autores.plugins.agents.evolve.features import step_of
from autores.plugins.agents.evolve.genome import Edit
from autores.plugins.agents.evolve.history import Fate, Observation

_BLAME = {Fate.BROKEN: 1.0, Fate.REFUSED: 2.0}
"""How many trials' worth of doubt one failure adds: what gates refuse once, they refuse again."""
_STRENGTH = 2.0
"""How many trials the first guess of an edit's odds is worth."""
_CAUTION = 0.03
"""Odds fall by this for the square of a step, before anything is known."""


@dataclass(frozen=True, slots=True)
class _Case:
    step: float
    blame: float


class RunOdds:
    """Chances that edits run, from what crashed and what did not."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        """Count."""
        self._cases: dict[tuple[str, str], list[_Case]] = defaultdict(list)
        for seen in observations:
            if seen.fate is Fate.PENDING:
                continue
            blame = _BLAME.get(seen.fate, 0.0) / max(1, len(seen.edits))
            for edit in seen.edits:
                step = step_of(edit)
                self._cases[_key(edit, step)].append(_Case(abs(step), blame))

    def of(self, edits: Iterable[Edit]) -> float:
        """The chance that all of them together run."""
        return math.prod(self._one(edit) for edit in edits)

    def _one(self, edit: Edit) -> float:
        step = step_of(edit)
        guess = _first_guess(edit) * math.exp(-_CAUTION * step**2)
        good, bad = _STRENGTH * guess, _STRENGTH * (1 - guess)
        for case in self._cases.get(_key(edit, step), ()):
            if case.blame and abs(step) >= 0.6 * case.step:
                bad += case.blame
            elif not case.blame and abs(step) <= 1.5 * case.step:
                good += 1.0
        return good / (good + bad)


def _key(edit: Edit, step: float) -> tuple[str, str]:
    """Up and down are different edits; so is each choice."""
    if edit.move or not step:
        return edit.gene, edit.new
    return edit.gene, "up" if step > 0 else "down"


def _first_guess(edit: Edit) -> float:
    """Settings of a module are made to be changed, arguments deep in the code are not."""
    if edit.move:
        return 0.93
    inside = "." in edit.name.partition("#")[0] or "(" in edit.name
    return 0.75 if inside else 0.97


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
