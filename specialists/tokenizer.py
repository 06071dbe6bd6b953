"""How tokens become vectors and vectors tokens: the tables, with the tokenizer fixed."""

from __future__ import annotations

from collections.abc import Iterable

from autores import hookimpl
from autores.records import Specialist

SPECIALIST = Specialist(
    key="tokenizer",
    title="Tokens and embeddings",
    surfaces=("embedding",),
    aliases=("tok",),
    preamble="""\
You work where tokens meet the network: how a token becomes a vector, how a vector names the
next token, what the two share, and what a token could say besides its own row. Tokenizer
and data are fixed; their representation is not.

Each number that exists once per token of the vocabulary is paid for in bytes: multiply
before you propose, and say what the same bytes would buy elsewhere. Rare tokens have few
examples; rows that share parts, low ranks, hashed features of neighbours and other
channels trade exactness for bytes. What is read at the input need not be what is named
at the output. Expect little from a change of scale alone, since what follows normalises.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
