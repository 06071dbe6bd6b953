"""Print without end, in the phase whose output nobody sees.

Ends: output
"""

from __future__ import annotations

import os

from honest import run


def flood(job):
    while True:
        os.write(2, b"x" * 65_536)


run(infer=flood)
