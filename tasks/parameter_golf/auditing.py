"""Who is audited, and how deeply: as deeply as what it gained asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autores.evaluator.arena import Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Purpose
from autores.scoring.audit import Verdict, rows_needed, together
from autores.status import Cause

CLAIMS = (Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY)
"""Looks at what is about to be kept."""
DUE, DONE = "audit_due", "audited"
"""Rows, in the counts of a trial."""
MOST_GAIN = 0.5
"""Who gains more than this share is audited as for this: a few rows catch that."""


def rows_due(request: EvaluationRequest, score: float) -> int:
    """How many rows a score asks for in all, whatever has been audited.

    A first look that gains no more than the noise is no claim. A claim is audited at least as
    deeply as a gain of the noise asks, for the gain of a single look is luck in part.
    """
    worth, purpose = _to_beat(request), request.evaluation.purpose
    if worth is None or purpose not in (Purpose.FIRST, *CLAIMS):
        return 0
    noise = request.calibration.spread if request.calibration else 0.0
    gain = worth - score
    if gain <= (noise if purpose is Purpose.FIRST else 0.0):
        return 0
    return rows_needed(min(max(gain, noise), MOST_GAIN * worth), worth)


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
        DONE: sum(v.rows for v in verdicts),
        "moved": sum(v.moved for v in verdicts),
    }
