"""What the README says of porting, held against the two scripts that it talks about."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.pieces import ByteTable
from autores.tasks.text.registers import documents
from autores.tasks.text.shards import write_shard
from autores.tasks.text.streams import lay_out
from autores.tasks.text.tokenizer import train
from autores.testing.recipes import changed_lines, module_at

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).parents[3]


def _load(name: str) -> ModuleType:
    pytest.importorskip("torch")
    return module_at(FIXTURES / f"{name}.py")


@pytest.mark.parametrize("page", ["tasks/parameter_golf/README.md", "docs/porting.md"])
def test_the_docs_count_the_changed_lines(page: str) -> None:
    before, after = FIXTURES / "upstream.py", FIXTURES / "ported.py"
    gone, came = changed_lines(before, after)
    text = " ".join((ROOT / page).read_text().split())
    assert f"{len(before.read_text().splitlines())} lines" in text
    assert f"{gone} lines go, {came} come" in text


class Part:
    """One question of a single lane."""

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.array, self._targets = inputs, targets
        self.bits = math.nan

    def answer(self, logits: Any) -> None:
        logits = np.asarray(logits, np.float64)
        chances = logits - np.logaddexp.reduce(logits, -1, keepdims=True)
        self.bits = -np.take_along_axis(chances, self._targets[..., None], -1).sum() / math.log(2)

    def truth(self) -> Any:
        return self._targets


def test_script_and_port_score_the_same(
    recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = list(documents(TEST_KEY, "train", 60_000))
    tokenizer = train(texts, 512)
    table = ByteTable.of(tokenizer.pieces)
    stream, _ = lay_out(tokenizer.documents(texts[:40]), lanes=1, columns=640, table=table)
    write_shard(tmp_path / "fineweb_train_000000.bin", tokenizer.documents(texts))
    both = np.concatenate((stream.inputs[0], stream.targets[0, -1:]))
    write_shard(tmp_path / "fineweb_val_000000.bin", both)
    for name, value in {
        "DATA_PATH": tmp_path,
        "VAL_BYTES": stream.bytes,
        "SEED": recorded.seed,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    said = _load("upstream").main()

    recorded.data = str(tmp_path)
    recorded.seconds = 600.0
    recorded.parts = [Part(c.inputs, c.targets) for c in stream.chunks(64)]
    ported = _load("ported")
    for phase in ("train", "infer"):
        job = SimpleNamespace(phase=phase, artifact=recorded.artifact)
        recorded.job = lambda job=job: job
        ported.main()
    assert sum(p.bits for p in recorded.parts) / stream.bytes == pytest.approx(said, rel=1e-4)
