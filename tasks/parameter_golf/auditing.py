"""Who is audited, and how deeply: as deeply as what it gained asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from autores.evaluator.arena import Failed
from autores.evaluator.request import EvaluationRequest
from autores.records import Purpose
from autores.scoring.audit import Verdict, rows_needed, together
from autores.status import Cause

CLAIMS = (Purpose.CONFIRM, Purpose.VERIFY, Purpose.CERTIFY)
"""Looks at what is about to be kept."""


def replays_wanted(request: EvaluationRequest, score: float, rows_at_once: int) -> int:
    """How many replays are missing, with what earlier looks at this trial have audited.

    Args:
        request: What is being measured, and why.
        score: What it measured.
        rows_at_once: That one replay audits.
    """
    worth = _to_beat(request)
    if worth is None or request.evaluation.purpose not in (Purpose.FIRST, *CLAIMS):
        return 0
    gain = worth - score
    noise = request.calibration.spread if request.calibration else 0.0
    if gain <= noise:
        return 0
    if score <= 0:
        return 1  # whoever predicts everything is caught at once
    rows = rows_needed(gain, worth) - request.earlier.get("audited", 0)
    return max(0, math.ceil(rows / rows_at_once))


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


def counts(verdicts: Sequence[Verdict]) -> Mapping[str, int]:
    """For the record; later looks at the same trial go on from here."""
    return {"audited": sum(v.rows for v in verdicts), "moved": sum(v.moved for v in verdicts)}
