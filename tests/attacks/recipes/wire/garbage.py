"""Send noise.

Ends: protocol
"""

import os

import harness
from honest import run

run(train=lambda data: harness._link()._socket.sendall(os.urandom(100_000)))
