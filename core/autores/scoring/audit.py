"""Find who looks ahead: replay a run, with other text from a secret position on.

In one chunk, chosen in secret, about every second row is cut at a position of its own. What
follows the cut is replaced by real text from elsewhere, the whole next row included, which
begins with the last target of this one. A candidate that predicts from the past alone cannot
notice it before the cut, so the loss of the token at the cut must not move. After such a
chunk the candidate's state is tainted, and the replay ends there: a deep audit takes several
replays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from autores.scoring.bits import Answerer, Chunk, Text, chunks, score_chunk
from autores.scoring.likelihood import Losses, Tokens

KEPT, GONE = -1, -2
"""Rows that are left as they are, to calibrate the tolerance, and rows that are replaced."""
CONTROLS = 8
"""Of so many pairs of rows, one is kept."""
SLACK = 8.0
"""A loss has moved when it moves so many times more than any unperturbed one."""
LEAST_TOLERANCE = 1e-3
"""Nats; rounding of half precision is below it."""
REPRODUCED = 0.02
"""Nats: who differs more from its own first run, unperturbed, cannot be audited."""


def rows_needed(gain: float, score: float, miss: float = 0.01) -> int:
    """How many rows find a leak that could explain a gain, but for a small chance.

    A gain g over a score s needs leaks on a share of at least g/s of the rows; n rows find
    a share f with probability 1 − (1 − f)^n, if they are drawn independently of each other.
    Rows that one replay cuts share a chunk. However a leak is spread over chunks, as many
    replays find it; as many rows in fewer replays do where it is spread evenly. `Verdict.found`
    tells both.

    Args:
        gain: By how much the candidate is better, in the score's unit.
        score: What it was better than.
        miss: The chance of finding nothing that is accepted.
    """
    if not 0 < gain < score:
        raise ValueError(f"a gain of {gain} over {score} cannot be audited")
    return math.ceil(math.log(miss) / math.log1p(-gain / score))


@dataclass(frozen=True, slots=True)
class Plan:
    """Which chunk is perturbed, and where each of its rows is cut."""

    chunk: int
    cuts: Tokens
    """For each row the last position whose past is left alone; `KEPT`; or `GONE`."""

    @classmethod
    def draw(cls, secret: bytes, shapes: Sequence[tuple[int, int]]) -> Plan:
        """Draw a plan from a secret, given the shapes of all chunks.

        Raises:
            ValueError: No chunk has rows enough.
        """
        random = np.random.default_rng(int.from_bytes(secret, "little"))
        usable = [number for number, (rows, _) in enumerate(shapes) if rows >= 4]
        if not usable:
            raise ValueError("no chunk has four rows")
        chunk = int(random.choice(usable))
        rows, length = shapes[chunk]
        parity = int(random.integers(2))
        heads = random.permutation(np.arange(parity, rows, 2))  # of pairs of rows
        kept = heads[: max(1, len(heads) // CONTROLS)]
        cuts = np.full(rows, GONE, np.int64)
        cuts[heads] = random.integers(0, length, len(heads))
        cuts[kept] = cuts[np.minimum(kept + 1, rows - 1)] = KEPT
        cuts[:parity] = KEPT
        return cls(chunk, cuts)

    @property
    def rows(self) -> NDArray[np.intp]:
        """The rows that are cut."""
        return np.flatnonzero(self.cuts >= 0)

    def perturb(self, inputs: Tokens, other: Tokens) -> Tokens:
        """The inputs with other text after the cuts: text that no two rows share.

        Raises:
            ValueError: There is too little other text.
        """
        changed, place = inputs.copy(), 0
        for row in np.flatnonzero(self.cuts != KEPT):
            # The target at the cut is the next input.
            first = 0 if self.cuts[row] == GONE else int(self.cuts[row]) + 1
            count = inputs.shape[1] - first
            if place + count > len(other):
                raise ValueError("too little other text for an audit")
            changed[row, first:] = other[place : place + count]
            place += count
        return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What replays found."""

    rows: int
    """That were cut."""
    moved: int
    """Whose loss at the cut was another one."""
    mean_change: float
    """Over the rows that were cut, in nats."""
    tolerance: float
    drift: float
    """The largest change of an unperturbed loss: a replay is not the same run again."""
    replays: int = 1

    def found(self, share: float) -> tuple[float, float]:
        """How probably a leak on a share of all rows would have been seen: at least, at most.

        Rows of one replay lie in one chunk. If a leak fills whole chunks they are one look
        together; if it is spread evenly, each is a look of its own.
        """
        return 1 - (1 - share) ** self.replays, 1 - (1 - share) ** self.rows

    @property
    def reproducible(self) -> bool:
        """Whether the candidate does the same again."""
        return self.drift <= REPRODUCED

    @property
    def passed(self) -> bool:
        """Nothing moved, and the candidate can be reproduced: otherwise no keep."""
        return self.reproducible and not self.moved


@dataclass(frozen=True, slots=True)
class Audit:
    """Replays of one run, each in a fresh sandbox with the run's own seed."""

    text: Text
    rows: int
    length: int
    first: Sequence[Losses]
    """What the run measured, by chunk."""
    other: Tokens
    """Real text that is not in the run."""

    def plan(self, secret: bytes) -> Plan:
        """Draw the plan of one replay."""
        return Plan.draw(secret, [(found.shape[0], found.shape[1]) for found in self.first])

    def replay(self, answerer: Answerer, plan: Plan) -> Verdict:
        """Run again up to the perturbed chunk, and compare.

        Raises:
            ValueError: There is no such chunk.
        """
        parts = chunks(self.text, rows=self.rows, length=self.length)
        score = partial(score_chunk, answerer, self.text)
        return replayed(plan, parts, self.first, self.other, score=score, reveal=answerer.reveal)


def replayed(
    plan: Plan,
    parts: Iterable[Chunk],
    first: Sequence[Losses],
    other: Tokens,
    *,
    score: Callable[[Tokens, Tokens], Losses],
    reveal: Callable[[Tokens], object],
) -> Verdict:
    """Score a text again up to the chunk that is perturbed, and compare.

    Args:
        plan: Which chunk, and where its rows are cut.
        parts: All chunks, in order.
        first: What the run measured, by chunk.
        other: Text that is not in the run.
        score: The losses of targets, given inputs.
        reveal: Tells the truth of a chunk that was scored.

    Raises:
        ValueError: There is no such chunk, or too little other text.
    """
    drift = 0.0
    for number, chunk in enumerate(parts):
        if number == plan.chunk:
            again = score(plan.perturb(chunk.inputs, other), chunk.targets)
            return _verdict(plan, np.abs(again - first[number]), drift)
        again = score(chunk.inputs, chunk.targets)
        drift = max(drift, float(np.abs(again - first[number]).max()))
        reveal(chunk.targets)
    raise ValueError(f"there is no chunk {plan.chunk}")


def _verdict(plan: Plan, change: Losses, drift: float) -> Verdict:
    drift = max(drift, float(change[plan.cuts == KEPT].max(initial=0.0)))
    at_cuts = change[plan.rows, plan.cuts[plan.rows]]
    tolerance = max(LEAST_TOLERANCE, SLACK * min(drift, REPRODUCED))
    return Verdict(
        rows=len(plan.rows),
        moved=int((at_cuts > tolerance).sum()),
        mean_change=float(at_cuts.mean()),
        tolerance=tolerance,
        drift=drift,
    )


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Several replays as one."""
    rows = sum(verdict.rows for verdict in verdicts)
    return Verdict(
        rows=rows,
        moved=sum(verdict.moved for verdict in verdicts),
        mean_change=sum(verdict.mean_change * verdict.rows for verdict in verdicts) / rows,
        tolerance=max(verdict.tolerance for verdict in verdicts),
        drift=max(verdict.drift for verdict in verdicts),
        replays=sum(verdict.replays for verdict in verdicts),
    )
