"""Never say READY.

Ends: prepare time
With: wall.prepare=1.0
"""

from __future__ import annotations

import time

from honest import run

run(prepare=lambda job: time.sleep(60))
