"""Hand in a link to a device that never ends.

Ends: protocol
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    os.symlink("/dev/zero", f"{os.environ['AUTORES_OUT']}/artifact")
    harness.done()


run(finish=finish)
