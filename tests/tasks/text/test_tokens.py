from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.errors import UserError
from autores.tasks.text import shards
from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.pieces import (
    BOS,
    SPACE,
    SPECIAL,
    ByteTable,
    Kind,
    Piece,
    read_model,
    write_model,
)
from autores.tasks.text.registers import documents
from autores.tasks.text.tokenizer import Tokenizer, byte_tokenizer, train


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(documents(TEST_KEY, "train", 150_000))


@pytest.fixture(scope="module")
def tokenizer(texts: list[str]) -> Tokenizer:
    return train(texts, 512)


# ------------------------------------------------------------------------------- bytes


@pytest.fixture
def pieces() -> tuple[Piece, ...]:
    return (*SPECIAL, Piece(text=f"{SPACE}the"), Piece(text="é"), Piece(text=SPACE))


def test_bytes_are_counted_as_published(pieces: tuple[Piece, ...]) -> None:
    table = ByteTable.of(pieces)
    the, accent, space, e2 = 260, 261, 262, 4 + 0xE2
    pairs = {(accent, the): 4, (BOS, the): 3, (the, accent): 2, (the, e2): 1, (the, BOS): 0}
    pairs |= {(the, space): 1, (BOS, space): 0, (e2, the): 4}
    for (before, token), expected in pairs.items():
        assert table.bytes_of(np.array([before]), np.array([token])) == expected
    assert table.count(np.array([BOS, the, accent, BOS, the])) == 3 + 2 + 0 + 3


def test_tokens_beyond_the_vocabulary_stand_for_nothing(pieces: tuple[Piece, ...]) -> None:
    table = ByteTable.of(pieces, 300)
    assert table.base[263:].sum() == 0
    assert table.boundary[263:].all()
    assert not table.boundary[260:263].any()


def test_unused_pieces_are_boundaries() -> None:
    table = ByteTable.of([Piece(text="a", kind=k) for k in Kind if k is not Kind.BYTE])
    boundary = [False, True, True, False, True]  # ordinary, unknown, control, of a user, unused
    assert table.boundary.tolist() == boundary
    assert table.base.tolist() == [int(not b) for b in boundary]


def test_the_tables_count_the_raw_bytes(texts: list[str], tokenizer: Tokenizer) -> None:
    raw = sum(len(text.encode()) for text in texts)
    for one in (tokenizer, byte_tokenizer()):
        assert ByteTable.of(one.pieces).count(one.documents(texts)) == raw


# ------------------------------------------------------------------------ text and back


def test_text_comes_back(texts: list[str], tokenizer: Tokenizer) -> None:
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in texts)
    assert len(tokenizer.documents(texts)) < sum(map(len, texts)) / 1.8


@given(st.text(st.characters(exclude_characters=SPACE, exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back(text: str) -> None:
    tokenizer = Tokenizer([*SPECIAL, Piece(text="ab", score=-1), Piece(text=SPACE, score=-2)])
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_best_pair_is_merged_first() -> None:
    merges = [Piece(text=t, score=-n) for n, t in enumerate(("bc", "ab", "a", "b", "c"))]
    tokenizer = Tokenizer([*SPECIAL, *merges])
    assert [tokenizer.pieces[t].text for t in tokenizer.encode("abc")] == ["a", "bc"]


def test_training_takes_the_most_frequent_pairs() -> None:
    tokenizer = train(["abab abab abab xyz"], 260 + 7 + 2)
    learned = [p.text for p in tokenizer.pieces[260:]]
    assert learned[:2] == ["ab", "abab"]
    assert set(learned[2:]) == {"a", "b", "x", "y", "z", SPACE} | set(learned[2:3])


def test_numbers_are_spelled_in_digits(tokenizer: Tokenizer) -> None:
    assert [tokenizer.pieces[t].text for t in tokenizer.encode("12 30")] == list(f"12{SPACE}30")


def test_a_model_file_comes_back(tokenizer: Tokenizer) -> None:
    assert read_model(write_model(tokenizer.pieces)) == tokenizer.pieces


@pytest.mark.parametrize("data", [b"", b"\x0a\xff", b"hello", b"\x0b", b"\x12\x00"])
def test_other_files_are_no_models(data: bytes) -> None:
    with pytest.raises(UserError, match="not a SentencePiece model"):
        read_model(data)


def test_a_vocabulary_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        train(["abc"], 260)


# ------------------------------------------------------------------------------- shards


def test_a_published_shard_has_its_published_size() -> None:
    assert shards.size_of(100_000_000) == 200_001_024


@given(st.lists(st.integers(0, 65_535), max_size=50))
def test_tokens_come_back(tmp_path_factory: pytest.TempPathFactory, tokens: list[int]) -> None:
    path = tmp_path_factory.mktemp("shard") / "fineweb_val_000000.bin"
    shards.write_shard(path, np.array(tokens, np.int64))
    assert path.stat().st_size == shards.size_of(len(tokens))
    assert shards.read_shard(path).tolist() == tokens
    assert shards.read_shards([path, path], 7).tolist() == (tokens + tokens)[:7]


def test_the_header_is_the_published_one(tmp_path: Path) -> None:
    shards.write_shard(tmp_path / "x.bin", np.array([1, 2, 3]))
    header = np.fromfile(tmp_path / "x.bin", "<i4", 256)
    assert header[:3].tolist() == [20240520, 1, 3]
    assert not header[3:].any()


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [(0, 7, "no file of tokens"), (1, 2, "version 2"), (2, 4, "instead of"), (2, -1, "instead of")],
)
def test_damaged_shards_are_refused(tmp_path: Path, place: int, value: int, said: str) -> None:
    path = tmp_path / "x.bin"
    shards.write_shard(path, np.array([1, 2, 3]))
    data = bytearray(path.read_bytes())
    data[4 * place : 4 * place + 4] = int.to_bytes(value, 4, "little", signed=True)
    path.write_bytes(data)
    with pytest.raises(UserError, match=said):
        shards.read_shard(path)


def test_half_a_shard_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    shards.write_shard(path, np.arange(100))
    for size in (1_024 + 100, 500):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(UserError):
            shards.read_shard(path)


@pytest.mark.parametrize("token", [-1, 65_536])
def test_large_tokens_are_refused(tmp_path: Path, token: int) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        shards.write_shard(tmp_path / "x.bin", np.array([token]))
