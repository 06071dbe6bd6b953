"""The trusted side of an evaluation: it owns the clock, the limits, the labels, the score."""

from __future__ import annotations
