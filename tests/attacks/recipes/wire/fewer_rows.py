"""Answer for all but the hardest question.

Ends: protocol
"""

from __future__ import annotations

from honest import answer, run

run(reply=lambda model, part: part.answer(answer(model, part.array)[:-1]))
