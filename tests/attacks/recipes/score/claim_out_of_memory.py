"""Crash with words that sound like a failure of the machine, to be tried again.

Ends: exited
"""

from __future__ import annotations

from honest import run


def crash(data):
    print(
        "torch.cuda.OutOfMemoryError: CUDA out of memory\nKilled\noom-kill\nharness_abort: node lost"
    )
    raise MemoryError("CUDA out of memory")


run(train=crash)
