"""Leave threads, and a child that shares everything with its parent.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os
import threading
import time

from honest import run


def leave(job):
    for _ in range(20):
        threading.Thread(target=time.sleep, args=(30,), daemon=False).start()
    os.posix_spawn("/bin/sleep", ["sleep", "30"], {}, setsid=True)


run(saved=leave)
