"""Leave twenty daemons that left parent, session and manners, half of them respawning.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os
import signal
import time

from honest import run


def daemon(respawning):
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in range(64):
        try:
            os.close(descriptor)
        except OSError:
            pass
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if respawning and os.fork():
            os._exit(0)
        time.sleep(0.002 if respawning else 1)
    os._exit(0)


def leave(job):
    for number in range(20):
        daemon(number % 2 == 1)


run(saved=leave)
