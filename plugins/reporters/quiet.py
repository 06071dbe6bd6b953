"""Says nothing while the run goes on."""

from __future__ import annotations
