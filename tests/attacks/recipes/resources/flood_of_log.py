"""Write lines of a log without end.

Ends: protocol
With: slow
"""

from __future__ import annotations

import struct

import harness
from honest import run


def flood(data):
    line = struct.pack("<BBBBIqB", 18, 0, 0, 0, 9, 1, 0)
    while True:
        harness._link()._socket.sendall(line * 1000)


run(train=flood)
