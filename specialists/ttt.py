"""What is learned while predicting: adaptation, its pace, and what it may change."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="ttt",
    title="Test-time training",
    surfaces=("adaptation",),
    preamble="""\
You work on what the model learns while it is being evaluated: from text that has been
scored and told, which parameters move, by which rule, how fast, over how much text, and
what is kept or forgotten as the text goes on.

Order is the law: answer first, learn afterwards, and never ask twice; who learns before
answering is found by the audit and kept out. Inference has a limit of its own, so count
passes: a backward pass costs two forward ones. Weights that were rounded are no longer
bound to their grid here. A small set of fast parameters may adapt as much as all of them
at a fraction of the time. A change of regime says more than another rate.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
