"""From a candidate's answers to numbers that it cannot choose.

`accuracy` counts; `likelihood` turns logits into losses and losses into credit; `bits` feeds
a text and counts bits per byte; `audit` replays it to find who looked ahead. All of them
believe nothing: a number that is not finite ends the evaluation.
"""

from __future__ import annotations

from autores.scoring.accuracy import count_right
from autores.scoring.audit import Audit, Plan, Verdict, rows_needed
from autores.scoring.bits import Answerer, Text, bits_per_byte, score_chunks, score_columns
from autores.scoring.likelihood import credit, losses, produced

__all__ = [
    "Answerer",
    "Audit",
    "Plan",
    "Text",
    "Verdict",
    "bits_per_byte",
    "count_right",
    "credit",
    "losses",
    "produced",
    "rows_needed",
    "score_chunks",
    "score_columns",
]
