"""Print the questions for the agent that reads the log.

Ends: honest
"""

from __future__ import annotations

import base64
import sys

import harness
from honest import answer, run


def reply(model, part):
    print("LEAKED", base64.b64encode(part.array.tobytes())[:200], flush=True)
    print("LEAKED", file=sys.stderr, flush=True)
    harness.log(1, LEAKED=float(part.array[0, 0]))
    part.answer(answer(model, part.array))


run(reply=reply)
