"""Hold memory in pipes and sockets that nobody reads.

Ends: honest, memory, exited
"""

from __future__ import annotations

import os
import socket

from honest import run

held = []


def take(job):
    try:
        for _ in range(200):
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            pair = socket.socketpair()
            pair[0].setblocking(False)
            held.append((reading, writing, pair))
            for send in (
                lambda w=writing: os.write(w, bytes(65_536)),
                lambda p=pair: p[0].send(bytes(65_536)),
            ):
                try:
                    send()
                except BlockingIOError:
                    pass
    except OSError:
        pass


run(prepare=take)
