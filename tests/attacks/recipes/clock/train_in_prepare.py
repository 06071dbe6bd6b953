"""Prepare for longer than the honest recipe: what is too much is charged as training.

Ends: honest
With: training=0.5
"""

from __future__ import annotations

from honest import run, wait

run(prepare=lambda job: wait(1.0))
