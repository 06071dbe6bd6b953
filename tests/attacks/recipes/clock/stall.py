"""Answer nothing.

Ends: stalled
With: wall.inference=0.5
"""

from __future__ import annotations

import time

from honest import run

run(reply=lambda model, part: time.sleep(60))
