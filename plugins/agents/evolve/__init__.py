"""Agent `evolve`: a real optimiser over knobs and moves, without model or key."""

from __future__ import annotations
