from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from autores.tasks.airbench.profiles import PROFILES

torch = pytest.importorskip("torch")

PAPER = PROFILES["paper"].sizes
TINY = {
    **PROFILES["micro"].sizes,
    "widths": [8, 8, 8],
    "batch": 16,
    "epochs": 2,
    "stride": 1,
    "test_batch": 20,
}
CPU = torch.device("cpu")


def _count(net: Any) -> int:
    return sum(p.numel() for p in net.parameters())


def test_upstream_shapes_have_the_published_numbers_of_parameters(recipe: Any) -> None:
    assert _count(recipe.build(PAPER, CPU)) == 9_918_776
    assert _count(recipe.build(PAPER, CPU, main=False)) == 146_744


def test_upstream_shapes_give_the_published_sizes_of_the_maps(recipe: Any) -> None:
    net, sides = recipe.build({**PAPER, "widths": [4, 4, 4]}, CPU), []
    for part in (net.whiten, *net.groups):
        part.register_forward_hook(lambda _m, _i, out: sides.append(out.shape[-1]))
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert sides == [31, 15, 7, 3]


def test_schedule_has_the_published_lengths(recipe: Any) -> None:
    assert recipe.count_steps(PAPER, 50_000) == 2_160
    assert recipe.count_steps({**PAPER, "epochs": 42}, 50_000) == 2_016
    peaks = [i for i in range(2_160) if recipe.lr_factor(i, 2_160) == 1.0]
    assert peaks == [216]
    assert recipe.lr_factor(0, 2_160) == pytest.approx(0.2)
    assert recipe.lr_factor(2_160, 2_160) == 0.0
    recipe.warmup = 0.05
    assert recipe.lr_factor(100, 2_016) == 1.0


def test_rates_are_the_published_ones(recipe: Any) -> None:
    optimizer = recipe.SGD(recipe.build(PAPER, CPU), PAPER)
    (_, _, others, decay), (_, _, biases, bias_decay) = optimizer.groups
    assert others == pytest.approx(0.00114640, rel=1e-5)
    assert biases == pytest.approx(0.0733696, rel=1e-5)
    assert others * decay == pytest.approx(0.00156521, rel=1e-5)
    assert (decay, bias_decay) == (
        pytest.approx(1.36533, rel=1e-5),
        pytest.approx(0.0213333, rel=1e-5),
    )


def test_lookahead_decays_as_published(recipe: Any) -> None:
    assert recipe.lookahead_decay(2_160, 2_160) == pytest.approx(0.7738, abs=5e-5)
    assert recipe.lookahead_decay(1_080, 2_160) == pytest.approx(0.0967, abs=5e-5)


def test_own_sgd_moves_as_torch_does(recipe: Any) -> None:
    net, twin = (recipe.build(TINY, CPU) for _ in range(2))
    twin.load_state_dict(net.state_dict())
    own = recipe.SGD(net, TINY)
    theirs = torch.optim.SGD(
        [
            {"params": own_group[0], "lr": own_group[2], "weight_decay": own_group[3]}
            for own_group in recipe.SGD(twin, TINY).groups
        ],
        momentum=recipe.momentum,
        nesterov=True,
    )
    x, y = recipe.synthetic(16, CPU)
    for _ in range(3):
        recipe.losses(net, x, y, torch.float32).sum().backward()
        recipe.losses(twin, x, y, torch.float32).sum().backward()
        own.step(1.0)
        theirs.step()
        theirs.zero_grad()
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_first_layer_whitens(recipe: Any) -> None:
    x, _ = recipe.synthetic(200, CPU)
    net = recipe.build(TINY, CPU)
    net.whiten.bias.data.zero_()
    net.init_whiten(x)
    out = net.whiten(x).permute(1, 0, 2, 3).reshape(24, -1)
    moment = out[:12] @ out[:12].T / out.shape[1]
    torch.testing.assert_close(moment, torch.eye(12), atol=0.01, rtol=0)
    torch.testing.assert_close(out[12:], -out[:12])


def test_convolutions_start_as_the_identity(recipe: Any) -> None:
    conv, x = recipe.Conv(4, 6), torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(conv(x)[:, :4], x)


def test_every_picture_changes_sides_with_the_epoch(recipe: Any) -> None:
    recipe.translate = 0
    x, _ = recipe.synthetic(8, CPU)
    stream = recipe.batches(x, torch.arange(8), 8, 0, seed=3)
    seen = []
    for _ in range(3):
        batch, rows = next(stream)
        seen.append(batch[rows.argsort()])
    torch.testing.assert_close(seen[0], seen[1].flip(-1))
    torch.testing.assert_close(seen[0], seen[2])
    assert not torch.equal(seen[0], x)


def test_a_batch_over_the_end_of_an_epoch_holds_both(recipe: Any) -> None:
    recipe.translate = 0
    x, _ = recipe.synthetic(6, CPU)
    stream = recipe.batches(x, torch.arange(6), 4, 0, seed=3)
    rows = torch.cat([next(stream)[1] for _ in range(3)])
    assert sorted(rows[:6].tolist()) == sorted(rows[6:].tolist()) == list(range(6))


def test_the_same_seed_gives_the_same_batches(recipe: Any) -> None:
    x, y = recipe.synthetic(40, CPU)
    a, b, c = (next(recipe.batches(x, y, 16, 6, seed))[0] for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_crops_are_windows_of_the_padded_picture(recipe: Any) -> None:
    x = torch.arange(32 * 32.0).reshape(1, 1, 32, 32).repeat(50, 1, 1, 1)
    crops = recipe.random_crop(x, torch.Generator().manual_seed(0))
    centres = crops[:, 0, 16, 16]
    shifts = {(int(v) // 32 - 16, int(v) % 32 - 16) for v in centres}
    assert len(shifts) > 20
    assert all(abs(a) <= 4 and abs(b) <= 4 for a, b in shifts)


def test_cutout_blanks_one_whole_square(recipe: Any) -> None:
    out = recipe.random_cutout(torch.ones(20, 3, 32, 32), 12, torch.Generator().manual_seed(0))
    assert ((out == 0).sum((1, 2, 3)) == 3 * 12 * 12).all()


@pytest.mark.parametrize("tta", [0, 1, 2])
def test_views_are_averaged_with_the_published_weights(recipe: Any, tta: int) -> None:
    recipe.tta = tta
    x = torch.randn(2, 3, 32, 32)
    means = recipe.predict(lambda v: v.mean((1, 2, 3))[:, None], x, torch.float32)
    padded = torch.nn.functional.pad(x, (1,) * 4, mode="reflect")
    shifted = [padded[:, :, i : i + 32, i : i + 32].mean((1, 2, 3))[:, None] for i in (0, 2)]
    plain = x.mean((1, 2, 3))[:, None]
    expected = plain if tta < 2 else plain / 2 + (shifted[0] + shifted[1]) / 4
    torch.testing.assert_close(means, expected)


@pytest.mark.parametrize("proxy_widths", [[], [4, 4, 4]])
def test_training_and_inference_speak_the_harness(
    recipe: Any, recorded: Any, tmp_path: Path, proxy_widths: list[int]
) -> None:
    sizes = {**TINY, "proxy_widths": proxy_widths}
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 64).astype(np.uint8)
    images = (labels[:, None, None, None] * 25 + rng.integers(0, 5, (64, 3, 32, 32))).astype(
        np.uint8
    )
    np.save(tmp_path / "train_images.npy", images)
    np.save(tmp_path / "train_labels.npy", labels)
    recorded.data = str(tmp_path)

    def run() -> bytes:
        recipe.train_phase(SimpleNamespace(phase="train", sizes=sizes, data=str(tmp_path)), CPU)
        return bytes(recorded.artifact)

    artifact = run()
    assert recorded.events == ["ready", "done"]
    recorded.questions = (images[:20], images[20:30])
    job = SimpleNamespace(phase="infer", sizes=sizes, artifact=artifact)
    recipe.infer_phase(job, CPU)
    assert [a.shape for a in recorded.answers] == [(20, 10), (10, 10)]
    assert all(np.isfinite(a).all() for a in recorded.answers)


def test_smoke_takes_three_steps(recipe: Any, recorded: Any, tmp_path: Path) -> None:
    taken = []
    train = recipe.train
    recipe.train = lambda net, f, sizes, stream, steps, *rest: (
        taken.append(steps),
        train(net, f, sizes, stream, steps, *rest),
    )
    np.save(tmp_path / "train_images.npy", np.zeros((64, 3, 32, 32), np.uint8))
    np.save(tmp_path / "train_labels.npy", np.zeros(64, np.uint8))
    recorded.data = str(tmp_path)
    recipe.train_phase(SimpleNamespace(phase="smoke", sizes=TINY, data=str(tmp_path)), CPU)
    assert taken == [3, 3]


def test_training_learns(recipe: Any) -> None:
    x, y = recipe.synthetic(64, CPU)
    x += y[:, None, None, None] / 4
    net = recipe.build(TINY, CPU)
    net.init_whiten(x)
    before = recipe.losses(net, x, y, torch.float32).mean()
    stream = recipe.batches(x, y, 16, 0, 0)
    recipe.train(net, net, {**TINY, "lr_scale": 10.0}, stream, 40, torch.float32)
    net.eval()
    with torch.no_grad():
        assert recipe.losses(net, x, y, torch.float32).mean() < before - 0.2
