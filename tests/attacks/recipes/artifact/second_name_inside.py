"""Keep a second name of the artifact, to change it later.

Ends: protocol
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    harness.save(artifact)
    out = os.environ["AUTORES_OUT"]
    os.link(f"{out}/artifact", f"{out}/other")
    harness.done()


run(finish=finish)
