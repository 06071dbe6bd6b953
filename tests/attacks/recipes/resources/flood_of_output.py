"""Print without end.

Ends: output
"""

from __future__ import annotations

import sys

from honest import run


def flood(data):
    while True:
        sys.stdout.write("x" * 65_536)


run(train=flood)
