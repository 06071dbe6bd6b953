"""Open more connections than there are ranks.

Ends: protocol
"""

from __future__ import annotations

import os
import socket
import time

from honest import run

held = []


def connect(job):
    for _ in range(12):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect(os.environ["AUTORES_SOCKET"])
    time.sleep(1)


run(prepare=connect)
