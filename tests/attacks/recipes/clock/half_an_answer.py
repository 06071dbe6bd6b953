"""Send half an answer and wait.

Ends: stalled, inference time
With: wall.inference=0.5
"""

from __future__ import annotations

import struct
import time

import harness
from honest import run


def reply(model, part):
    harness._link()._socket.sendall(struct.pack("<BBBBI", 20, 1, 0, 0, 4000) + bytes(2000))
    time.sleep(60)


run(reply=reply)
