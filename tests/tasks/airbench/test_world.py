from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.tasks.airbench.world import (
    CLASSES,
    TEST_KEY,
    Difficulty,
    draw_prototypes,
    generate,
    stream,
    world_id,
)


def test_the_same_key_draws_the_same_pictures() -> None:
    a, b = (generate(TEST_KEY, "train", 300, Difficulty()) for _ in range(2))
    assert np.array_equal(a.images, b.images)
    assert np.array_equal(a.labels, b.labels)


def test_pictures_have_the_shape_and_kind_of_cifar() -> None:
    part = generate(TEST_KEY, "train", 260, Difficulty())
    assert part.images.shape == (260, 3, 32, 32)
    assert part.images.dtype == part.labels.dtype == np.uint8
    assert set(part.labels.tolist()) == set(range(CLASSES))


def test_parts_share_no_picture() -> None:
    parts = [generate(TEST_KEY, name, 300, Difficulty()) for name in ("train", "evaluation")]
    rows = [{image.tobytes() for image in part.images} for part in parts]
    assert not rows[0] & rows[1]


def test_another_key_is_another_world() -> None:
    a, b = (draw_prototypes(stream(k, "prototypes"), Difficulty()) for k in (TEST_KEY, b"x" * 16))
    assert not np.allclose(a.radius, b.radius)
    assert world_id(TEST_KEY) != world_id(b"x" * 16)


def test_the_world_id_does_not_contain_the_key() -> None:
    assert TEST_KEY.hex()[:8] not in world_id(TEST_KEY)


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_a_class_has_as_many_prototypes_as_modes(modes: int) -> None:
    assert draw_prototypes(stream(TEST_KEY, "p"), Difficulty(modes=modes)).count == CLASSES * modes


def test_classes_can_be_told_apart_and_modes_make_it_harder() -> None:
    def error(modes: int) -> float:
        dial = Difficulty(modes=modes, turn=0, warp=0, clutter=0, occlusion=0)
        parts = [generate(TEST_KEY, name, 1500, dial) for name in ("train", "evaluation")]
        flat = [p.images.mean(1).reshape(len(p), -1) for p in parts]
        means = np.stack([flat[0][parts[0].labels == c].mean(0) for c in range(CLASSES)])
        nearest = ((flat[1][:, None] - means) ** 2).sum(-1).argmin(1)
        return float((nearest != parts[1].labels).mean())

    easy, hard = error(1), error(3)
    assert easy < 0.6
    assert hard > easy


@settings(max_examples=30)
@given(st.binary(min_size=16, max_size=16), st.text(max_size=8), st.text(max_size=8))
def test_streams_differ_by_name(key: bytes, a: str, b: str) -> None:
    same = stream(key, a).integers(2**62) == stream(key, b).integers(2**62)
    assert same == (a == b)
