"""Send noise.

Ends: protocol
"""

from __future__ import annotations

import os

import harness
from honest import run

run(train=lambda data: harness._link()._socket.sendall(os.urandom(100_000)))
