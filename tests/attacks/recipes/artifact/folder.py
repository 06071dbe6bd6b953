"""Hand in a folder of files.

Ends: protocol
"""

import os

import harness
from honest import run


def finish(artifact):
    os.makedirs(f"{os.environ['AUTORES_OUT']}/artifact/weights")
    harness.done()


run(finish=finish)
