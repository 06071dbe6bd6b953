"""Announce four gigabytes.

Ends: protocol
"""

from __future__ import annotations

import struct

import harness
from honest import run

run(
    reply=lambda model, part: harness._link()._socket.sendall(
        struct.pack("<BBBBI", 20, 1, 0, 0, 2**32 - 1)
    )
)
