"""Containment of candidates: three levels behind one interface.

    with choose(minimum=Level.FULL) as sandbox:
        contained = sandbox.spawn(Cell(argv=("python", "train.py"), code=code, out=out))
        ending = contained.wait(deadline) or contained.kill()

A level is chosen because its probes passed on this machine, never because something is
installed. `copy_sealed` takes a file out of a folder that a candidate could write.
"""

from __future__ import annotations

from autores.evaluator.sandbox.level import (
    Cell,
    Contained,
    Ending,
    Enforcement,
    Finding,
    Guarantee,
    Level,
    Output,
    Sandbox,
    SandboxUnavailable,
    Stop,
    Usage,
)
from autores.evaluator.sandbox.selection import choose

__all__ = [
    "Cell",
    "Contained",
    "Ending",
    "Enforcement",
    "Finding",
    "Guarantee",
    "Level",
    "Output",
    "Sandbox",
    "SandboxUnavailable",
    "Stop",
    "Usage",
    "choose",
]
