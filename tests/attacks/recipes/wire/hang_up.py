"""Close the connection and live on.

Ends: protocol
"""

from __future__ import annotations

import time

import harness
from honest import run


def leave(job):
    harness._link()._socket.close()
    time.sleep(30)


run(infer=leave)
