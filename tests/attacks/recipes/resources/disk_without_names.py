"""Fill the disk with files that have no name any more.

Ends: disk
Needs: disk
"""

from __future__ import annotations

import os
import time

from honest import run


def take(data):
    held = []
    for number in range(6):
        path = f"{os.environ['AUTORES_OUT']}/{number}"
        held.append(open(path, "wb"))  # noqa: SIM115
        os.unlink(path)
        held[-1].write(bytes(8 << 20))
        held[-1].flush()
    time.sleep(3)


run(train=take)
