"""What is trained on, and in which pieces: reading, calling the tokenizer, packing."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="data",
    title="Data",
    surfaces=("data",),
    preamble="""\
You work on what reaches the network between a file and a batch: the order of documents, how
they are cut and packed into rows, which are left out or seen again, and how quickly all of
that happens.

Measure what is thrown away: tokens that are cut off, repeated, or spent on what teaches
little. A row that begins in the middle of a sentence costs context; a row of many short
documents costs long ones. Change the mixture and the packing in separate trials. Reading
and tokenising run inside the clock unless they hide behind the steps: time both. Vocabulary
and held-out text are fixed, and no concern of yours.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
