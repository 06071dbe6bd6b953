"""Send what only the evaluator may send.

Ends: protocol
"""

from __future__ import annotations

import struct

import harness
from honest import run

run(
    infer=lambda job: harness._link()._socket.sendall(
        b"".join(struct.pack("<BBBBI", kind, 0, 0, 0, 0) for kind in (2, 4, 5))
    )
)
