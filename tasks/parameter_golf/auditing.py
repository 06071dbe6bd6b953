"""Who is audited, and how deeply: as deeply as what it gained asks for.

A replay cuts nearly all rows of one chunk. Rows of one chunk are no independent look at a leak
that fills whole chunks, so replays go round all chunks in a secret order: after a whole round,
n rows miss any leak on a share f of the positions with a chance of at most (1 - f)^n, for then
spreading it evenly hides it best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import count

from autores.evaluator.arena import Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Purpose
from autores.scoring.audit import Verdict, together
from autores.status import Cause
from autores.tasks.text.streams import StreamAudit

CLAIMS = (Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY)
"""Looks at what is about to be kept."""
DUE, DONE = "audit_due", "audited"
"""Replays, in the counts of a trial."""
MOST_GAIN = 0.5
"""Who gains more than this share is audited as for this: a few replays catch that."""
MISSED = 0.01
"""The chance of finding nothing of a leak that explains a gain, which is accepted."""


def replays_due(request: EvaluationRequest, score: float, audit: StreamAudit) -> int:
    """How many replays a score asks for in all, whatever has been audited.

    A first look that gains no more than the noise is no claim. A claim is audited at least as
    deeply as a gain of the noise asks, for the gain of a single look is luck in part. Where a
    chunk is a single token nothing ahead is shown: one replay tells whether a run can be had
    again.
    """
    worth, purpose = _to_beat(request), request.evaluation.purpose
    if worth is None or purpose not in (Purpose.FIRST, *CLAIMS):
        return 0
    noise = request.calibration.spread if request.calibration else 0.0
    gain = worth - score
    if gain <= (noise if purpose is Purpose.FIRST else 0.0):
        return 0
    if audit.length == 1:
        return 1
    share = min(max(gain, noise) / worth, MOST_GAIN)
    return replays_needed(share, len(audit.first), audit.rows_at_once)


def replays_needed(share: float, chunks: int, rows: int) -> int:
    """The fewest replays of so many rows each that miss no leak on such a share of positions.

    At least a whole round: a leak need not be all that a gain is made of.
    """
    if not 0 < share < 1:
        raise ValueError(f"a leak on a share of {share} cannot be audited")
    return next(n for n in count(chunks) if chance_to_miss(share, n, chunks, rows) <= MISSED)


def chance_to_miss(share: float, replays: int, chunks: int, rows: int) -> float:
    """Of the leak that hides best: one on all chunks alike, or on only so many of them."""
    rounds, rest = divmod(replays, chunks)
    return max(
        sum(
            _drawn(hit, rest, leaking, chunks)
            * (1 - min(1.0, share * chunks / leaking)) ** (rows * (rounds * leaking + hit))
            for hit in range(rest + 1)
        )
        for leaking in range(math.ceil(share * chunks), chunks + 1)
    )


def _drawn(hit: int, drawn: int, leaking: int, chunks: int) -> float:
    """How probably so many of the chunks that are drawn are among those that leak."""
    others = math.comb(chunks - leaking, drawn - hit)
    return math.comb(leaking, hit) * others / math.comb(chunks, drawn)


def _to_beat(request: EvaluationRequest) -> float | None:
    """The score of the incumbent; of the seed recipe, where nobody says."""
    if request.incumbent is not None:
        return request.incumbent
    return request.calibration.score if request.calibration else None


def require_passed(verdicts: Sequence[Verdict]) -> None:
    """Fail who looked ahead, or cannot be reproduced.

    Raises:
        Failed: With what was found.
    """
    found = together(verdicts)
    if found.passed:
        return
    if not found.reproducible:
        why = (
            f"a replay with the same seed moved a loss by {found.drift:.3g} nats: what cannot be "
            "reproduced cannot be kept; draw from the seed of GO alone"
        )
    else:
        why = (
            f"{found.moved} of {found.rows} losses moved when later text was changed: "
            "a prediction used tokens that come after it"
        )
    raise Failed(Cause.AUDIT, why)


def counts(verdicts: Sequence[Verdict], due: int, earlier: Mapping[str, int]) -> dict[str, int]:
    """For the record. All looks at a trial together owe what the most promising of them asks."""
    return {
        DUE: max(0, due - earlier.get(DUE, 0)),
        DONE: len(verdicts),
        "audited_rows": sum(v.rows for v in verdicts),
        "moved": sum(v.moved for v in verdicts),
    }
