"""Log too many values, names without end, and numbers that are none.

Ends: protocol
"""

from __future__ import annotations

import struct

import harness
from honest import run


def log(data):
    harness.log(2**62, nothing=float("nan"), endless=float("inf"))
    channel = harness._link()._socket
    channel.sendall(struct.pack("<BBBBIqB", 18, 0, 0, 0, 9, 1, 255))


run(train=log)
