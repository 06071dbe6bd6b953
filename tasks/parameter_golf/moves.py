"""Small named program edits of the recipe, for agents that search without a model."""

from __future__ import annotations

MOVES = ()
