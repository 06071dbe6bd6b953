from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.tasks.parameter_golf.profiles import PROFILES
from autores.tasks.text.dice import TEST_KEY
from autores.tasks.text.registers import documents
from autores.tasks.text.shards import write_shard
from autores.tasks.text.tokenizer import train

torch = pytest.importorskip("torch")

TINY = {
    **PROFILES["micro"].sizes,
    "vocabulary": 360,
    "width": 32,
    "sequence": 32,
    "batch_tokens": 512,
    "chunk": 16,
}
CPU = torch.device("cpu")


class Part:
    """One question, whose truth is the input of the next."""

    def __init__(self, inputs: Any, targets: Any) -> None:
        self.array, self._targets = inputs, targets
        self.answered: Any = None

    def answer(self, array: Any) -> None:
        self.answered = np.asarray(array)

    def truth(self) -> Any:
        assert self.answered is not None
        return self._targets


@pytest.fixture(scope="module")
def tokens() -> Any:
    texts = list(documents(TEST_KEY, "train", 120_000))
    return train(texts, TINY["vocabulary"]).documents(texts)


def _parts(tokens: Any, count: int, lanes: int = 6) -> list[Part]:
    length = TINY["chunk"]
    rows = tokens[: lanes * (count * length + 1)].reshape(lanes, -1)
    return [
        Part(rows[:, i : i + length], rows[:, i + 1 : i + 1 + length])
        for i in range(0, count * length, length)
    ]


# --------------------------------------------------------------------------------- model


def test_no_prediction_depends_on_what_comes_after_it(recipe: Any) -> None:
    model = recipe.Model(TINY)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    x = torch.randint(320, (3, 20))
    changed = x.clone()
    changed[:, 11:] = torch.randint(320, (3, 9))
    with torch.no_grad():
        a, b = model(x), model(changed)
    torch.testing.assert_close(a[:, :11], b[:, :11])
    assert not torch.allclose(a[:, 11:], b[:, 11:])


def test_plain_attention_is_the_library_s(recipe: Any) -> None:
    q, k, v = torch.randn(3, 2, 4, 10, 8)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(recipe.attend(q, k, v), expected)


def test_rotation_depends_on_distance_alone(recipe: Any) -> None:
    cos, sin = recipe.rotary(12, 8, CPU)
    q, k = (torch.randn(1, 1, 1, 16).expand(1, 1, 12, 16) for _ in range(2))
    scores = recipe.rotate(q, cos, sin) @ recipe.rotate(k, cos, sin).mT
    torch.testing.assert_close(scores[0, 0, 5, 2], scores[0, 0, 9, 6])
    assert not torch.allclose(scores[0, 0, 5, 2], scores[0, 0, 9, 2])


def test_losses_are_cross_entropies(recipe: Any) -> None:
    recipe.z_loss = 0.0
    logits, targets = torch.randn(2, 5, 9), torch.randint(9, (2, 5))
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(recipe.losses(logits, targets), expected)


# ----------------------------------------------------------------------------- optimizer


@pytest.mark.parametrize("shape", [(16, 24), (24, 16), (3, 16, 16)])
def test_updates_are_nearly_orthogonal(recipe: Any, shape: tuple[int, ...]) -> None:
    found = recipe.orthogonal(torch.randn(*shape))
    values = torch.linalg.svdvals(found)
    assert 0.4 < values.min()
    assert values.max() < 1.4


def test_the_rate_rises_stays_and_falls(recipe: Any) -> None:
    factors = [recipe.lr_factor(i / 100) for i in range(101)]
    assert factors[0] < 0.1
    assert max(factors) == 1.0
    assert factors[100] == pytest.approx(recipe.final_lr)
    assert factors[5:] == sorted(factors[5:], reverse=True)


class Clock:
    """Goes on by so much whenever a recipe looks, however busy the machine is."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 0.0, tick

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now

    def perf_counter(self) -> float:
        """Nothing is the faster one."""
        return 0.0


def test_training_learns_and_ends_with_the_time(recipe: Any, recorded: Any, tokens: Any) -> None:
    recipe.fast()
    recipe.time = Clock(0.5)
    model = recipe.Model(TINY)
    batches = recipe.Batches([tokens.astype(np.uint16)], 1, 0, 1)
    steps = recipe.train(model, model, TINY, batches, recipe.time.monotonic(), 30.0, CPU)
    assert steps == 58
    losses = [line["loss"] for line in recorded.logged]
    assert losses[-1] < losses[0] - 0.4


def test_the_same_seed_gives_the_same_batches(recipe: Any) -> None:
    part = np.arange(5_000, dtype=np.uint16)
    a, b, c = (recipe.Batches([part], seed, 0, 1).draw(4, 16) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(a[:, 1:], a[:, :-1] + 1)


def test_ranks_share_a_batch(recipe: Any) -> None:
    part = np.arange(5_000, dtype=np.uint16)
    whole = recipe.Batches([part], 1, 0, 1).draw(4, 8)
    parts = [recipe.Batches([part], 1, rank, 2).draw(4, 8) for rank in range(2)]
    assert torch.equal(torch.stack(parts, 1).flatten(0, 1), whole)


# -------------------------------------------------------------------------- quantization


def test_gptq_errs_less_than_rounding(recipe: Any) -> None:
    mix = torch.randn(24, 24)
    x = torch.randn(500, 24) @ mix
    moment, w = x.T @ x / len(x), torch.randn(16, 24)
    scale = recipe.row_scales(w, 4, 3.0)

    def error(q: Any) -> float:
        return float(((x @ (w - q * scale).T) ** 2).sum())

    found = recipe.gptq(w, moment, scale, 4)
    assert error(found) < 0.8 * error(recipe.rounded(w, scale, 4))
    assert found.abs().max() <= 7


def test_the_search_over_clipping_finds_the_least_cost(recipe: Any) -> None:
    w, moment = torch.randn(32, 24), torch.eye(24)
    recipe.rate_weight = 0.0
    finest = recipe.best_scales(w, moment, 4)
    recipe.rate_weight = 1.0
    cheapest = recipe.best_scales(w, moment, 4)
    assert (finest < cheapest).all()


@pytest.mark.parametrize("count", [1, 31, 32, 5_000])
def test_symbols_come_back(recipe: Any, count: int) -> None:
    random = np.random.default_rng(count)
    sets = [np.clip(random.normal(128, s, count), 0, 255).astype(np.int64) for s in (2.0, 9.0)]
    tables = [recipe.frequencies(s) for s in sets]
    rows, own = [], []
    for s, table in zip(sets, tables, strict=True):
        filled = np.concatenate((s, np.full(-len(s) % 32, table.argmax())))
        rows += list(filled.reshape(-1, 32))
        own += [table] * (len(filled) // 32)
    data = recipe.encode(rows, own)
    assert np.array_equal(np.concatenate(recipe.decode(data, 32, own)), np.concatenate(rows))
    if count == 5_000:
        entropy = sum(-np.log2(t[s] / 4_096).sum() for s, t in zip(sets, tables, strict=True)) / 8
        assert len(data) < 1.02 * entropy + 4 * 32


@pytest.mark.parametrize(("bits", "most"), [(2, 1), (6, 31), (8, 127), (12, 127)])
def test_integers_fit_the_tables(recipe: Any, bits: int, most: int) -> None:
    w = 100 * torch.randn(4, 50)
    assert recipe.rounded(w, torch.ones(4, 1), bits).abs().max() == most


def test_a_table_sums_to_a_power_of_two(recipe: Any) -> None:
    for symbols in (np.array([3]), np.arange(256), np.array([0] * 9_999 + [255])):
        table = recipe.frequencies(symbols)
        assert table.sum() == 4_096
        assert (table[np.unique(symbols)] > 0).all()


def test_a_packed_model_is_the_quantised_one(recipe: Any, tokens: Any) -> None:
    model, again = recipe.Model(TINY), recipe.Model(TINY)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    batches = recipe.Batches([tokens.astype(np.uint16)], 1, 0, 1)
    coded, plain = recipe.quantise(model, recipe.second_moments(model, batches, TINY, CPU))
    data = recipe.pack(coded, plain)
    recipe.unpack(data, again)
    restored = dict(again.named_parameters())
    for name, (q, scale) in coded.items():
        torch.testing.assert_close(restored[name], q * scale)
    for name, w in plain.items():
        torch.testing.assert_close(restored[name], w.half().float())
    told = recipe.account(coded, plain)
    assert sum(told.values()) == pytest.approx(len(data), rel=0.25)


# -------------------------------------------------------------------------------- phases


def _train(
    recipe: Any, recorded: Any, tokens: Any, tmp_path: Path, phase: str = "train", steps: int = 200
) -> bytes:
    """Train for about so many steps of a clock that only the recipe moves."""
    write_shard(tmp_path / "fineweb_train_000000.bin", tokens)
    recorded.data = str(tmp_path)
    clock, ready = Clock(1 / steps), recorded.ready
    recipe.time = clock
    recorded.ready = lambda: SimpleNamespace(**{**vars(ready()), "deadline": clock.now + 1})
    job = SimpleNamespace(phase=phase, sizes=TINY, rank=0, ranks=1, data=str(tmp_path))
    recipe.train_phase(job, CPU)
    assert recorded.events == ["ready", "save", "done"]
    return bytes(recorded.artifact)


@pytest.mark.parametrize(("quantising", "share"), [(0.0, 0.92), (0.1, 0.7), (0.3, 0.5), (1e9, 0.5)])
def test_time_is_kept_for_quantising_but_never_all_of_it(
    recipe: Any, recorded: Any, tokens: Any, tmp_path: Path, quantising: float, share: float
) -> None:
    recipe.warm = lambda *anything: quantising
    _train(recipe, recorded, tokens, tmp_path, steps=60)
    assert recorded.logged[-1]["step"] == pytest.approx(60 * share, abs=3)


def test_what_was_trained_is_predicted_with_and_adapts(
    recipe: Any, recorded: Any, tokens: Any, tmp_path: Path
) -> None:
    artifact = _train(recipe, recorded, tokens, tmp_path)
    assert set(recorded.logged[-1]) >= {"bytes_embedding", "bytes_attention", "bytes_mlp"}
    found = {}
    for rate in (0.0, recipe.ttt_lr):
        recipe.ttt_lr = rate
        recorded.parts = _parts(tokens, 6)
        recipe.infer_phase(SimpleNamespace(sizes=TINY, artifact=artifact), CPU)
        losses = [
            torch.nn.functional.cross_entropy(
                torch.tensor(p.answered).float().flatten(0, 1), torch.tensor(p.truth()).flatten()
            )
            for p in recorded.parts
        ]
        found[rate] = float(sum(losses) / len(losses))
        assert recorded.parts[0].answered.shape == (6, TINY["chunk"], TINY["vocabulary"])
    assert found[0.0] < np.log(TINY["vocabulary"]) - 1
    assert len(set(found.values())) == 2


def test_smoke_takes_four_steps(recipe: Any, recorded: Any, tokens: Any, tmp_path: Path) -> None:
    _train(recipe, recorded, tokens, tmp_path, "smoke")
    assert recorded.logged[-1]["step"] == 4


def test_windows_see_the_same_past_however_the_text_is_cut(recipe: Any) -> None:
    recipe.temperature = 1.0
    sizes = {**TINY, "sequence": 64}
    model = recipe.Model(sizes)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    x = torch.randint(320, (2, 48))
    whole = recipe.Adapter(model, sizes, False).predict(x)
    adapter = recipe.Adapter(model, sizes, False)
    pieces = torch.cat([adapter.predict(part) for part in x.split(12, 1)], 1)
    torch.testing.assert_close(whole, pieces, atol=5e-3, rtol=5e-3)


def test_columns_are_learned_from_in_batches(recipe: Any) -> None:
    model = recipe.Model(TINY)
    before = model.embedding.table.detach().clone()
    adapter = recipe.Adapter(model, TINY, False)
    x = torch.randint(320, (4, recipe.ttt_columns + 1))
    changed = []
    for i in range(recipe.ttt_columns):
        adapter.predict(x[:, i : i + 1])
        adapter.learn(x[:, i + 1 : i + 2])
        changed.append(not torch.equal(before, model.embedding.table))
    assert changed == [False] * (recipe.ttt_columns - 1) + [True]
