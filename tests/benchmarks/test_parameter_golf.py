from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmarks import parameter_golf as golf
from benchmarks import parameter_golf_attacks as attacks
from benchmarks import parameter_golf_ngrams as ngrams

from autores.records import Artifact, Outcome
from autores.status import Cause
from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.pieces import ByteTable
from autores.tasks.text.registers import documents
from autores.tasks.text.shards import write_shard
from autores.tasks.text.streams import Stream, lay_out
from autores.tasks.text.tokenizer import byte_tokenizer


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
    monkeypatch.setattr(attacks, "REPLAYS", 12)
    tokenizer = byte_tokenizer()
    tokens = tokenizer.documents(documents(TEST_KEY, "evaluation", 12_000))
    table = ByteTable.of(tokenizer.pieces)
    stream, other = lay_out(tokens, lanes=16, columns=64, table=table)
    rows = list(attacks.catches(stream, other, 16))
    assert rows[0].value == 0
    assert rows[-1].value == 1
    assert rows[-1].baseline == pytest.approx(1, abs=1e-3)


def test_attacks_are_programs_that_differ_from_the_honest_one() -> None:
    candidates = [attacks.FORGED, attacks.UNNORMALISED, *map(attacks.peeking, attacks.SHARES)]
    for source in candidates:
        compile(source, "candidate", "exec")
    assert len({attacks.PAIRS, *candidates}) == 6


def _outcome(cause: Cause, score: float | None = None) -> Outcome:
    artifact = Artifact(sha256="0" * 64, code_bytes=8_000, weight_bytes=100_000)
    metrics = {"steps_per_second": 30.0, "training": 25.0, "inference": 9.0}
    return Outcome(cause=cause, score=score, artifact=artifact, metrics=metrics)


def test_who_gets_away_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(source: str, beaten: float | None = None, seed: int = 0) -> Outcome:
        caught = source not in (attacks.PAIRS, attacks.FORGED, attacks.UNNORMALISED)
        luck = seed == 0 and source == attacks.peeking(0.01)
        return _outcome(Cause.AUDIT) if caught and not luck else _outcome(Cause.VALID, 2.5)

    monkeypatch.setattr(attacks, "TRIALS", 4)
    found = {row.name: row for row in attacks.judged(measured, 2.5)}
    assert [row.value for row in found.values()] == [0, 0, 0, 0, 0.25, 0, 0]
    assert all(row.passed for row in found.values())
    assert found["looks at 1%, passed"].samples == 4


def test_looks_are_told_as_a_calibration_does() -> None:
    looks = [(_outcome(Cause.VALID, score), 50.0 + score) for score in (1.0, 1.2, 1.1)]
    rows = {row.name: row for row in golf.looked(looks, {"order 5": 1.4, "order 6": 1.3})}
    assert rows["one trial, everything included, at most"].value == pytest.approx(51.2)
    assert rows["seed recipe"].value == pytest.approx(1.1)
    assert (rows["seed recipe"].limit, rows["seed recipe"].passed) == (1.3, True)
    assert rows["its noise, sd of one look, 2 degrees of freedom"].value == pytest.approx(0.1)
    assert rows["bytes of code and weights, at most"].value == 108_000


def test_the_weights_are_coded_smaller_than_by_general_compressors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch").set_num_threads(1)  # two crawl beside other work
    monkeypatch.setenv("GOMP_SPINCOUNT", "10000")
    monkeypatch.setattr(golf, "PROFILE", "micro")
    monkeypatch.setitem(sys.modules, "harness", ModuleType("harness"))
    tokens = np.random.default_rng(0).integers(0, 512, 60_000, np.uint16)
    write_shard(tmp_path / "fineweb_train_000000.bin", tokens)
    weights = golf.trained(tmp_path, 1.0)
    assert len(weights.integers) > 40_000
    assert weights.coded < min(size(weights.integers) for size in ngrams.coders().values())
    rows = tokens[:516].astype(np.int64).reshape(4, 129)
    stream = Stream(inputs=rows[:, :-1], targets=rows[:, 1:], vocabulary=512, bytes=512)
    row = golf.rise(stream, weights, 1)
    assert row.value == pytest.approx(9, abs=1.5)
    assert row.baseline == pytest.approx(row.value, rel=0.1)
