"""How a candidate fails, as far as a task's evaluation is concerned: by an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autores.status import Cause

if TYPE_CHECKING:
    from autores.evaluator.sandbox.sealed import Sealed


class Failed(Exception):
    """The candidate did not get as far as a score; becomes an outcome by itself."""

    def __init__(self, cause: Cause, detail: str, saved: Sealed | None = None) -> None:
        """Say what stopped it.

        Args:
            cause: What the outcome records.
            detail: One line for people and agents; text of the candidate in it is untrusted.
            saved: What the candidate had saved when its time was up, for a diagnosis.
        """
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
        self.saved = saved
