"""Hand in a pipe, on which whoever opens it waits for ever.

Ends: protocol
"""

import os

import harness
from honest import run


def finish(artifact):
    os.mkfifo(f"{os.environ['AUTORES_OUT']}/artifact")
    harness.done()


run(finish=finish)
