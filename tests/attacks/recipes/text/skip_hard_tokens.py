"""Answer for fewer tokens than were asked.

Ends: protocol
With: kind=chunks
"""

from __future__ import annotations

from honest import answer, run

run(reply=lambda model, part: part.answer(answer(model, part.array)[:, :-1]))
