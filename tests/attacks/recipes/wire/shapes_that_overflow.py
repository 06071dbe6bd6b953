"""Announce arrays whose size is more than 64 bits hold.

Ends: protocol
"""

from __future__ import annotations

import struct

import harness
from honest import run


def reply(model, part):
    note = struct.pack("<BBBBIQ5Q", 11, 5, 1, 0, 0, 2**63, 2**40, 2**40, 2**40, 1, 1)
    harness._link()._socket.sendall(struct.pack("<BBBBI", 20, 1, 0, 0, len(note)) + note)


run(reply=reply)
