"""Replace the folder for artifacts by a link into the host, for whoever writes or cleans there.

Ends: honest, artifact missing
Needs: host
"""

from __future__ import annotations

import os

from facts import HOST
from honest import run


def swap(job):
    out = os.environ["AUTORES_OUT"]
    os.symlink(HOST, f"{out}/inside")
    try:
        os.rename(out, out + "-before")
        os.symlink(HOST, out)
    except OSError:
        pass


run(saved=swap, finish=__import__("harness").done)
