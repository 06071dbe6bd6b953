"""Leave spinners, dirty pages and a fork storm behind for the reference run that follows.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os

from honest import nothing, run, wait


def spin(job):
    for _ in range(6):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                wait(20)
            os._exit(0)
    with open(f"{os.environ['AUTORES_OUT']}/dirty", "wb") as file:
        file.write(bytes(8 << 20))


run(prepare=nothing, saved=spin)
