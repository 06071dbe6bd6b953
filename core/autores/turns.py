"""Whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who works next, and from which trial's tree."""

    specialist: str
    parent: int
