"""What a trajectory teaches, beyond who was best: `analyse` gives all of it for one run."""

from __future__ import annotations

from autores.analysis.whole import Analysis, analyse

__all__ = ["Analysis", "analyse"]
