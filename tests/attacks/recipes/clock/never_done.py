"""Never say DONE, with a time-out of one's own that is longer.

Ends: train time
With: wall.train=0.4
"""

from __future__ import annotations

import os
import signal
import time

from honest import run


def train(data):
    os.environ["MAX_WALLCLOCK_SECONDS"] = "1e9"
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)


run(train=train)
