"""How weights become bytes: rounding, scales, calibration, coding."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="quant",
    title="Quantization and coding",
    surfaces=("quantization", "coding"),
    preamble="""\
You work on what is handed in: how weights are rounded, with which scales, guided by which
statistics, how many bits each part gets, and how the integers are coded. Size is a wall:
what is one byte over has no score, and what is far under has wasted capacity.

Think in error per byte, and in error of the output rather than of the weight. Bits that
one tensor does not miss are worth most where another misses them. Entropy coding means
that a step twice as fine costs one bit per weight, whatever the nominal width. Count the
bytes of scales and tables, and of the code that reads them. Calibrate on training text
only. Look at the recipe's account of its bytes before you choose a part.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
