"""Stop all own processes, so that no exit is seen, until the limit is over.

Ends: train time
With: wall.train=0.5
"""

from __future__ import annotations

import os
import signal

from honest import run

run(train=lambda data: os.kill(os.getpid(), signal.SIGSTOP))
