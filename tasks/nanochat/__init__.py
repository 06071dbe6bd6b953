"""Task: pretrain a small language model, measured by CORE."""

from __future__ import annotations
