"""Fail after the questions were seen, in words that hold some of them.

Ends: exited
"""

from __future__ import annotations

from honest import run


def reply(model, part):
    raise ValueError(f"LEAKED {part.array[0]}")


run(reply=reply)
