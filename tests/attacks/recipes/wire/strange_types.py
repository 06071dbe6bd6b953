"""Answer with numbers that no score is made for.

Ends: honest, protocol, not finite
"""

from __future__ import annotations

import struct

import harness
from honest import run


def reply(model, part):
    note = struct.pack("<BBBBIQ5Q", 77, 2, 0, 0, 0, 0, 100, 5, 0, 0, 0)
    harness._link()._socket.sendall(struct.pack("<BBBBI", 20, 1, 0, 0, len(note)) + note)


run(reply=reply)
