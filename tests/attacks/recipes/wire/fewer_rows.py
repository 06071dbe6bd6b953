"""Answer for all but the hardest question.

Ends: protocol
"""

from honest import answer, run

run(reply=lambda model, part: part.answer(answer(model, part.array)[:-1]))
