"""Hand in a file that takes no room on disk and is far too long.

Ends: artifact bytes, disk, signalled
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    with open(f"{os.environ['AUTORES_OUT']}/artifact", "wb") as file:
        file.truncate(15 << 20)
    harness.done()


run(finish=finish)
