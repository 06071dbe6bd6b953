"""The task's tokenizer: byte-level byte pairs, learned by the `tokenizers` library.

The published one: split as GPT-4's text but with at most two digits in a row, nine special
tokens after the merges, documents cut at 10,000 characters for learning. Here a token stands
for exactly the bytes that it was merged from, a lone byte for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.errors import UserError

BOS = "<|bos|>"
SPECIAL = (
    BOS,
    *("<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>"),
    *("<|python_start|>", "<|python_end|>", "<|output_start|>", "<|output_end|>"),
)
LONGEST_LEARNED = 10_000
"""Characters of a document that are learned from."""
SPLIT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
Tokens = NDArray[np.int64]


class Vocabulary:
    """A tokenizer in use, by the evaluator."""

    def __init__(self, tokenizer: Any, size: int) -> None:
        tokenizer.encode_special_tokens = True  # text that looks like a special token is text
        self._tokenizer = tokenizer
        self.size = size
        """Tokens that the model can say, some of which may stand for nothing."""
        self.bos: int = tokenizer.token_to_id(BOS)

    @classmethod
    def open(cls, path: Path, size: int) -> Vocabulary:
        """Read what `write` has written."""
        return cls(library().Tokenizer.from_file(str(path)), size)

    def write(self, path: Path) -> None:
        """Save for the recipe and for later."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._tokenizer.save(str(path))

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of texts, each after the one that begins a document."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array([self.bos, *one.ids], np.int64) for one in found]

    @property
    def token_bytes(self) -> Tokens:
        """Bytes of text that each token stands for; special tokens stand for none."""
        found = np.zeros(self.size, np.int64)
        for text, number in self._tokenizer.get_vocab(with_added_tokens=False).items():
            found[number] = len(text)  # one character stands for one byte
        return found


def learn(texts: Iterable[str], size: int) -> Vocabulary:
    """Learn a vocabulary of at most that size, special tokens included."""
    made = library()
    tokenizer = made.Tokenizer(made.models.BPE())
    split = made.pre_tokenizers.Split(made.Regex(SPLIT), behavior="isolated")
    as_bytes = made.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = made.pre_tokenizers.Sequence([split, as_bytes])
    tokenizer.decoder = made.decoders.ByteLevel()
    trainer = made.trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL),
        initial_alphabet=made.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_cut(texts), trainer)
    tokenizer.add_special_tokens(list(SPECIAL))
    return Vocabulary(tokenizer, size)


def _cut(texts: Iterable[str]) -> Iterator[str]:
    return (text[:LONGEST_LEARNED] for text in texts)


def library() -> Any:
    """The `tokenizers` library, which only this task needs.

    Raises:
        UserError: It is not installed.
    """
    try:
        import tokenizers
    except ImportError:
        raise UserError(
            "task nanochat needs tokenizers and pyarrow; run: pip install 'autores[nanochat]'"
        ) from None
    return tokenizers
