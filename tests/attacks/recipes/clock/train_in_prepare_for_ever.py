"""Prepare for as long as it takes.

Ends: prepare time
With: wall.prepare=1.0
"""

from __future__ import annotations

from honest import run, wait

run(prepare=lambda job: wait(60))
