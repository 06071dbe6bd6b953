"""Leave compiled code where compilers look for it, to be loaded by the next trial.

Ends: honest
Needs: state
With: runs=2
"""

from __future__ import annotations

import os
import tempfile

from facts import MARK
from honest import run, through


def leave(job):
    home = os.path.expanduser("~")
    folders = [
        os.environ.get(n)
        for n in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH")
    ]
    folders += [
        f"{home}/.triton",
        f"{home}/.cache/torch",
        f"{tempfile.gettempdir()}/torchinductor_x",
    ]
    folders += [os.path.dirname(os.__file__) + "/__pycache__"]
    for folder in filter(None, folders):
        path = f"{folder}/{MARK}.so"
        if os.path.exists(path):
            os.unlink(path)
            through("find a poisoned cache")
            continue
        try:
            os.makedirs(folder, exist_ok=True)
            with open(path, "w") as file:
                file.write("code")
        except OSError:
            pass


run(start=leave)
