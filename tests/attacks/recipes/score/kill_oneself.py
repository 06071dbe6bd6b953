"""Die by SIGKILL as if the kernel had run out of memory.

Ends: signalled
"""

from __future__ import annotations

import os
import signal

from honest import run

run(train=lambda data: os.kill(os.getpid(), signal.SIGKILL))
