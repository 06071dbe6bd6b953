"""Hand in a held-out file under a second name.

Ends: protocol, artifact missing
"""

from __future__ import annotations

import os

import harness
from facts import HELD_OUT
from honest import run


def finish(artifact):
    try:
        os.link(f"{HELD_OUT}/key", os.path.join(os.environ["AUTORES_OUT"], "artifact"))
    except OSError:
        pass
    harness.done()


run(finish=finish)
