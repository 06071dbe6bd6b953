"""What is asked of a run after, or beside, its search: verify, ablate, transfer, certify."""

from __future__ import annotations
