"""Hand in a folder of files.

Ends: protocol
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    os.makedirs(f"{os.environ['AUTORES_OUT']}/artifact/weights")
    harness.done()


run(finish=finish)
