"""A candidate's own log as a curve: untrusted, thinned when it grows, never a score."""

from __future__ import annotations

from collections.abc import Mapping

from autores.evaluator.wire import BadMessage
from autores.records import Point
from autores.text import escape_line

MOST_POINTS = 128
MOST_LINES = 200_000


class Curve:
    """Keeps every line at first, then every second, every fourth …, and always the last."""

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._last: Point | None = None
        self._every = 1
        self._lines = 0

    def add(self, seconds: float, step: int, values: Mapping[str, float]) -> Point:
        """Take a line, and give it as a point.

        Raises:
            BadMessage: There were too many.
        """
        if self._lines >= MOST_LINES:
            raise BadMessage(f"more than {MOST_LINES:,} lines of log")
        shown = {escape_line(name): value for name, value in values.items()}
        point = self._last = Point(step=step, seconds=round(seconds, 4), values=shown)
        if self._lines % self._every == 0:
            self._points.append(point)
        self._lines += 1
        if len(self._points) >= MOST_POINTS:
            self._points = self._points[::2]
            self._every *= 2
        return point

    @property
    def points(self) -> tuple[Point, ...]:
        """What is kept."""
        last = self._last
        if last is None or self._points[-1] is last:
            return tuple(self._points)
        return (*self._points, last)
