"""Announce more in shared memory than there is.

Ends: protocol
"""

from __future__ import annotations

import harness
from harness import SHARED, describe, header, open_memory, send
from honest import answer, run


def reply(model, part):
    note = describe(answer(model, part.array), SHARED, 0)
    memory = open_memory(64, 2 | 4)
    send(harness._link()._socket, [header(20, len(note), 1, 1), note], memory)


run(reply=reply)
