"""The seed recipe against the published figures, and against plain definitions."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

PAPER = {
    "depth": 12,
    "width": 768,
    "heads": 6,
    "vocabulary": 32_768,
    "sequence": 2_048,
    "reference_batch": 1 << 19,
    "reference_scaling": 110_100_912,
    "ratio_scale": 1.0,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def _model(recipe: Any, sizes: dict[str, Any], device: str = "cpu") -> Any:
    with torch.device(device):
        return recipe.model.Model(recipe.model.Shape.of(sizes))


@pytest.fixture
def tiny(recipe: Any) -> Any:
    model = _model(recipe, recipe.sizes)
    model.reset()
    with torch.no_grad():  # what begins at zero hides mistakes
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


# --------------------------------------------------------------------------------- model


def test_parameters_at_depth_12(recipe: Any) -> None:
    model = _model(recipe, PAPER, "meta")
    counts = {
        "embedding": model.embedding.weight.numel(),
        "head": model.head.weight.numel(),
        "values": sum(p.numel() for p in model.values.parameters()),
        "matrices": sum(p.numel() for p in model.blocks.parameters()),
    }
    assert counts == {
        "embedding": 25_165_824,
        "head": 25_165_824,
        "values": 150_994_944,
        "matrices": 84_935_088,
    }
    assert sum(p.numel() for p in model.parameters()) == sum(counts.values()) + 50 == 286_261_730
    assert model.scaling_parameters() == 110_100_912
    assert model.valued == [1, 3, 5, 7, 9, 11]


def test_windows_at_depth_12(recipe: Any) -> None:
    windows = recipe.model.Shape.of(PAPER).windows
    assert windows == [512, 512, 512, None] * 3


def test_the_beginning_has_the_published_scales(recipe: Any) -> None:
    sizes = {**recipe.sizes, "width": 96, "vocabulary": 512, "depth": 3}
    model = _model(recipe, sizes)
    model.reset()
    reach = math.sqrt(3 / 96)
    assert model.embedding.weight.std().item() == pytest.approx(0.8, rel=0.02)
    assert model.head.weight.std().item() == pytest.approx(0.001, rel=0.02)
    block = model.blocks[2]
    assert block.attention.query.weight.abs().max().item() == pytest.approx(reach, rel=0.01)
    assert block.up.weight.abs().max().item() == pytest.approx(0.4 * reach, rel=0.01)
    assert block.down.weight.count_nonzero() == block.attention.out.weight.count_nonzero() == 0
    assert 0 <= block.attention.gate.weight.min() <= block.attention.gate.weight.max() <= 0.02
    assert model.residual.tolist() == pytest.approx([1.15, 1.10, 1.05])
    assert model.input.tolist() == pytest.approx([0.20, 0.125, 0.05])
    assert model.smear.item() == 0
    assert model.backout.item() == pytest.approx(0.2)


def test_logits_stay_within_the_cap(tiny: Any) -> None:
    logits = tiny.logits(1e4 * torch.randn(3, 48))
    assert logits.dtype is torch.float32
    assert logits.abs().max() <= 15


def test_what_follows_does_not_change_what_went_before(tiny: Any) -> None:
    tokens = torch.randint(64, (1, 32))
    other = tokens.clone()
    other[0, 20:] = (other[0, 20:] + 1) % 64
    with torch.no_grad():
        a, b = (tiny.logits(tiny.features(t)) for t in (tokens, other))
    assert torch.allclose(a[0, :20], b[0, :20], atol=1e-5)
    assert not torch.allclose(a[0, 20], b[0, 20], atol=1e-2)


# ------------------------------------------------------------------------------- kernels


@pytest.mark.parametrize(("length", "window"), [(32, 8), (30, 8), (17, 16), (16, 16), (9, None)])
def test_every_path_of_attention_is_the_masked_one(
    recipe: Any, length: int, window: int | None
) -> None:
    q, k, v = torch.randn(3, 2, length, 3, 4)
    row, column = torch.arange(length)[:, None], torch.arange(length)
    mask = (column <= row) & (column >= row - (length if window is None else window))
    weights = torch.einsum("bihd,bjhd->bhij", q, k) / 2
    weights = weights.masked_fill(~mask, -torch.inf).softmax(-1)
    plain = torch.einsum("bhij,bjhd->bihd", weights, v)
    assert torch.allclose(recipe.kernels.attention(q, k, v, window), plain, atol=1e-5)


# --------------------------------------------------------------------------------- optim


def test_polar_brings_singular_values_near_one(recipe: Any) -> None:
    for rows, columns in ((8, 24), (24, 8), (16, 16)):
        x = torch.randn(3, rows, columns)
        values = torch.linalg.svdvals(recipe.optim.polar(x))
        assert values.max() < 1.3
        assert values.median() > 0.7


def test_evening_keeps_each_norm_and_works_along_the_longer_side(recipe: Any) -> None:
    for shape, statistic in (((8, 4), (2, 8, 1)), ((4, 8), (2, 1, 8)), ((4, 4), (2, 4, 1))):
        muon = recipe.optim.Muon([torch.randn(shape) for _ in range(2)], 0.02, 0.0)
        update = torch.randn(2, *shape)
        assert muon.squares.shape == statistic
        found = muon.even(update)
        assert torch.allclose(found.norm(dim=(1, 2)), update.norm(dim=(1, 2)), rtol=1e-4)


def test_muon_decays_only_what_moves_with_its_weight(recipe: Any) -> None:
    def moved(decay: float) -> Any:
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(6, 4))
        before, weight.grad = weight.detach().clone(), torch.randn(6, 4)
        recipe.optim.step([recipe.optim.Muon([weight], 0.02, decay)], 1.0, 0.9, 1.0)
        assert weight.grad is None
        return before, before - weight.detach()

    before, plain = moved(0.0)
    _, decayed = moved(0.5)
    rate = 0.02 * math.sqrt(6 / 4)
    expected = plain + rate * 0.5 * before * (plain * before >= 0)
    assert torch.allclose(decayed, expected, atol=1e-6)


def test_adamw_is_the_one_of_torch(recipe: Any) -> None:
    ours, theirs = (torch.nn.Parameter(torch.ones(4, 3)) for _ in range(2))
    group = recipe.optim.AdamW([ours], 0.1, (0.8, 0.95), 0.05)
    reference = torch.optim.AdamW(
        [theirs], 0.1, (0.8, 0.95), recipe.optim.adam_eps, weight_decay=0.05
    )
    for _ in range(3):
        grad = torch.randn(4, 3)
        ours.grad, theirs.grad = grad.clone(), grad
        recipe.optim.step([group], 1.0, 0.9, 1.0)
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_every_parameter_has_exactly_one_group(recipe: Any, tiny: Any) -> None:
    horizon = recipe.schedule.Horizon.of(recipe.sizes, tiny.scaling_parameters())
    groups = recipe.optim.build(tiny, horizon)
    found = sorted(id(p) for group in groups for p in group.parameters)
    assert found == sorted(map(id, tiny.parameters()))


# ------------------------------------------------------------------------------ schedule


@pytest.mark.parametrize(("ratio", "steps"), [(12, 2_520), (100, 21_000), (130, 27_300)])
def test_steps_at_depth_12(
    recipe: Any, monkeypatch: pytest.MonkeyPatch, ratio: float, steps: int
) -> None:
    monkeypatch.setattr(recipe.schedule, "ratio", ratio)
    horizon = recipe.schedule.Horizon.of(PAPER, 110_100_912)
    assert (horizon.steps, horizon.batch) == (steps, 524_288)
    assert (horizon.rate_factor, horizon.decay_factor) == (1.0, 1.0)


def test_rates_at_depth_12(recipe: Any) -> None:
    horizon = recipe.schedule.Horizon.of(PAPER, 110_100_912)
    assert horizon.rate(0) == pytest.approx(1 / 40)
    assert horizon.rate(39) == horizon.rate(40) == horizon.rate(882) == 1.0
    assert horizon.rate(883) < 1.0
    assert horizon.rate(2_519) == pytest.approx(0.05058, abs=5e-6)
    assert horizon.rate(2_520) == pytest.approx(0.05)


def test_momentum_and_decay_at_depth_12(recipe: Any) -> None:
    horizon = recipe.schedule.Horizon.of(PAPER, 110_100_912)
    assert horizon.momentum(0) == pytest.approx(0.85)
    assert horizon.momentum(400) == horizon.momentum(882) == pytest.approx(0.97)
    assert horizon.momentum(2_520) == pytest.approx(0.90)
    assert [horizon.decay(i) for i in (0, 1_260, 2_520)] == pytest.approx([1.0, 0.5, 0.0])


def test_a_smaller_net_has_a_smaller_batch_and_rate(recipe: Any) -> None:
    horizon = recipe.schedule.Horizon.of(PAPER, 110_100_912 // 8)
    assert horizon.batch == 1 << 18
    assert horizon.rate_factor == pytest.approx(math.sqrt(1 / 2))
    assert horizon.decay_factor == pytest.approx(8 * math.sqrt(1 / 2), rel=1e-6)


# ---------------------------------------------------------------------------------- data


def test_rows_take_the_largest_document_that_fits(
    recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe.data, "waiting", 3)
    stream = ([0] + [number] * (size - 1) for number, size in enumerate((4, 7, 3, 20, 5, 2, 9), 1))
    first, second = islice(recipe.data.rows(stream, 10), 2)
    assert first == [0, 2, 2, 2, 2, 2, 2, 0, 3, 3]
    assert second == [0, 5, 5, 5, 5, 0, 1, 1, 1, 0]  # what is left of one that is cut


def test_where_nothing_fits_the_shortest_is_cut(
    recipe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe.data, "waiting", 2)
    stream = ([0] + [number] * (size - 1) for number, size in enumerate((14, 12, 30, 40), 1))
    assert next(recipe.data.rows(stream, 8)) == [0] + [2] * 7


# ------------------------------------------------------------------------- train and serve


def test_weights_survive_the_way_through_bytes(recipe: Any, tiny: Any) -> None:
    packed = recipe.serve.pack(tiny)
    found = recipe.serve.unpack(packed)
    for name, value in tiny.state_dict().items():
        wanted = value.to(torch.bfloat16) if value.dim() > 1 else value
        assert torch.equal(found[name], wanted)
    assert len(packed) < 2 * sum(p.numel() for p in tiny.parameters()) + 8_000


def test_answers_are_the_logits_of_the_places_asked_for(recipe: Any, tiny: Any) -> None:
    tokens = torch.randint(64, (3, 9))
    found = recipe.serve.answer(tiny, torch.device("cpu"), tokens.int().numpy(), [2, 0], [8, 3])
    with torch.no_grad():
        whole = tiny.logits(tiny.features(tokens))
    assert torch.allclose(torch.from_numpy(found), torch.stack((whole[2, 8], whole[0, 3])))


def test_training_learns_what_repeats(recipe: Any) -> None:
    sizes = {**recipe.sizes, "ratio_scale": 0.05}
    model = _model(recipe, sizes)
    model.reset()
    horizon = recipe.schedule.Horizon(steps=30, batch=128, rate_factor=1.0, decay_factor=1.0)
    tokens = (torch.arange(33).repeat(2, 1) * 3 + torch.tensor([[1], [5]])) % 64

    def stream() -> Any:
        while True:
            yield tokens[:, :-1], tokens[:, 1:]

    recipe.harness.losses.clear()
    recipe.train.train(model, model, stream(), horizon, 30, 2, 1)
    assert recipe.harness.losses[-1] < 0.3


def test_a_batch_that_cannot_be_divided_is_refused(recipe: Any) -> None:
    horizon = SimpleNamespace(batch=128)
    assert recipe.train.passes_per_step(horizon, recipe.sizes, 1) == 2
    with pytest.raises(SystemExit, match="no multiple"):
        recipe.train.passes_per_step(horizon, recipe.sizes, 3)


def test_a_pass_has_no_more_rows_than_a_batch(recipe: Any) -> None:
    large, small = (SimpleNamespace(batch=tokens) for tokens in (128, 32))
    assert recipe.train.fitted(recipe.sizes, large, 1) == recipe.sizes
    assert recipe.train.fitted(recipe.sizes, small, 1) == {**recipe.sizes, "device_batch": 1}
    with pytest.raises(SystemExit, match="no multiple"):
        recipe.train.passes_per_step(small, recipe.train.fitted(recipe.sizes, small, 3), 3)


RANKS = """
import sys
from types import SimpleNamespace
import os
sys.modules["harness"] = SimpleNamespace(log=lambda *a, **k: None)
import kernels, torch
rank = int(os.environ["RANK"])
device = kernels.start(SimpleNamespace(rank=rank, ranks=2))
weight = torch.nn.Parameter(torch.zeros(3))
weight.grad = torch.full((3,), float(rank + 1))
kernels.average_gradients([weight], 2)
assert weight.grad.tolist() == [1.5] * 3, weight.grad
"""


@pytest.mark.slow
def test_ranks_share_their_gradients(recipe: Any, tmp_path: Any) -> None:
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    folder = os.path.dirname(recipe.kernels.__file__)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    done = subprocess.run(
        [sys.executable, *torchrun, str(script)],
        env={**os.environ, "PYTHONPATH": folder, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
