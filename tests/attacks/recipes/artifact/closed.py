"""Hand in a file that its owner cannot read.

Ends: honest, protocol
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    harness.save(artifact)
    os.chmod(f"{os.environ['AUTORES_OUT']}/artifact", 0o4000)
    harness.done()


run(finish=finish)
