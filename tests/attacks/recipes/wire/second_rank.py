"""Be a second rank that nobody started.

Ends: protocol
"""

from __future__ import annotations

import os
import socket
import struct
import time

from honest import run


def join(job):
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(os.environ["AUTORES_SOCKET"])
    channel.sendall(struct.pack("<BBBBIHH", 16, 0, 0, 0, 4, 1, 1))
    time.sleep(1)


run(prepare=join)
