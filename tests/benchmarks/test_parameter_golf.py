from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmarks import parameter_golf as golf
from benchmarks import parameter_golf_ngrams as ngrams

from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.registers import documents
from autores.tasks.text.shards import write_shard


def _text(least: int, split: str = "train") -> ngrams.Bytes:
    return np.frombuffer("\n".join(documents(TEST_KEY, split, least)).encode(), np.uint8)


@pytest.fixture(scope="module")
def train() -> ngrams.Bytes:
    return _text(120_000)


def test_keys_are_the_last_bytes() -> None:
    text = np.frombuffer(b"abcab", np.uint8)
    keys = ngrams.keys_of(text, 2)
    assert keys.tolist() == [97, 0x6162, 0x6263, 0x6361, 0x6162]
    assert ngrams.earlier(keys).tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("adaptive", [False, True])
def test_mixtures_are_distributions(train: ngrams.Bytes, adaptive: bool) -> None:
    tables = [ngrams.Table.of(train, n).pruned(3) for n in (1, 2, 3)]
    before = np.frombuffer(b"the th", np.uint8)
    total = 0.0
    for byte in range(256):
        text = np.append(before, np.uint8(byte))
        total += ngrams.mixture(tables, text, [1.0] * 3, adaptive)[-1]
    assert total == pytest.approx(1)


def test_longer_contexts_help_and_so_does_counting_on(train: ngrams.Bytes) -> None:
    evaluation = _text(30_000, "evaluation")
    tables = [ngrams.Table.of(train, n) for n in (1, 2, 3, 4)]
    found = [
        ngrams.bits(ngrams.mixture(tables[:n], evaluation, [3.0] * n, adaptive))
        for n, adaptive in ((1, False), (2, False), (4, False), (4, True))
    ]
    assert all(a > b for a, b in itertools.pairwise(found))


def test_tables_are_pruned_to_the_cap(train: ngrams.Bytes) -> None:
    tables, size = ngrams.fit(train, 4, 10_000)
    assert 5_000 < size <= 10_000
    assert size == sum(table.size() for table in tables)
    assert all(len(np.unique(table.keys)) == len(table.keys) for table in tables)


def test_contexts_sum_what_follows(train: ngrams.Bytes) -> None:
    table = ngrams.Table.of(train, 3)
    contexts = table.contexts()
    assert contexts.counts.sum() == table.counts.sum() == len(train)
    assert table.look_up(np.array([1], np.uint64)).tolist() == [0.0]


def test_the_recipe_can_be_cut_short() -> None:
    source = golf.recipe()
    cut = golf.with_context_cut(source, 12)
    compile(cut, "cut", "exec")
    assert "(12 - 1, 0)" in cut
    assert golf.without_adaptation(source) != source


def test_honest_candidates_are_never_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from autores.tasks.text.pieces import ByteTable
    from autores.tasks.text.streams import lay_out
    from autores.tasks.text.tokenizer import byte_tokenizer

    monkeypatch.setattr(golf, "REPLAYS", 12)
    tokenizer = byte_tokenizer()
    tokens = tokenizer.documents(documents(TEST_KEY, "evaluation", 12_000))
    table = ByteTable.of(tokenizer.pieces)
    stream, other = lay_out(tokens, lanes=16, columns=64, table=table)
    rows = list(golf.catches(stream, other, 16))
    assert rows[0].value == 0
    assert rows[-1].value == 1
    assert rows[-1].baseline == pytest.approx(1, abs=1e-3)


def test_the_weights_are_coded_smaller_than_by_general_compressors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch").set_num_threads(1)  # two crawl beside other work
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    monkeypatch.setattr(golf, "PROFILE", "micro")
    monkeypatch.setitem(sys.modules, "harness", ModuleType("harness"))
    tokens = np.random.default_rng(0).integers(0, 512, 60_000, np.uint16)
    write_shard(tmp_path / "fineweb_train_000000.bin", tokens)
    told, ours = golf.integers(tmp_path, 1.0)
    assert len(told) > 40_000
    assert ours < min(size(told) for size in ngrams.coders().values())
