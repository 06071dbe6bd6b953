"""Keep the artifact open, and write to it until the end.

Ends: honest
Needs: survival
"""

from __future__ import annotations

import os

import harness
from honest import run


def finish(artifact):
    harness.save(artifact)
    path = f"{os.environ['AUTORES_OUT']}/artifact"
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        with open(path, "r+b", buffering=0) as file:
            os.read(reading, 1)
            while True:
                file.seek(0)
                file.write(artifact)
    os.write(writing, b"x")
    harness.done()


run(finish=finish)
