"""What each profile fixes: sizes, seeds and the difficulty of the generated world.

The published recipe is the `paper` profile. It comes to the others by four rules, with the
hyperparameters themselves the same literals everywhere:

1. Widths, epochs, images and batch shrink to fit the time; the batch so that at least a
   hundred steps remain.
2. On a CPU the whitening layer reads the picture at half resolution (`stride`).
3. A schedule of a few epochs wants a larger rate and less cutout: `lr_scale`, `cutout_scale`.
4. Choosing examples by a proxy net does not pay for itself in so few steps (92.9 to 94.5 %
   instead of 96.5 % in the same time), so the small profiles have no proxy net.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autores.errors import unknown
from autores.tasks.airbench.world import Difficulty


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One size of the task."""

    name: str
    seeds: int
    sizes: Mapping[str, Any]
    """What the recipe reads from its job."""
    difficulty: Difficulty
    wall: Mapping[str, float]
    """Limits of the phases, in seconds."""
    seed_bytes: int
    """Code and artifact of the seed recipe; a trial may have 1.25 times as many."""
    looks: int = 5
    """Evaluations that calibrate the seed recipe."""
    gpus: int = 0
    cpus: int = 0
    """Processors that a recipe is bound to; 0: all."""
    watches_machine: bool = True
    """Whether a seed is timed once more when the machine moved: see `Arena.calmly`."""
    real_only: bool = False
    """Only CIFAR-10 itself will do."""
    gate: str | None = None
    """The least rate of right answers; None: calibration sets it."""


_UPSTREAM: Mapping[str, Any] = {
    "widths": [128, 384, 512],
    "proxy_widths": [32, 64, 64],
    "epochs": 45,
    "batch": 1024,
    "stride": 1,
    "lr_scale": 1.0,
    "cutout_scale": 1.0,
    "train_images": 50_000,
    "test_images": 10_000,
    "test_batch": 500,
}
_SMALL: Mapping[str, Any] = {
    "widths": [16, 32, 64],
    "proxy_widths": [],
    "batch": 125,
    "stride": 2,
    "lr_scale": 2.0,
    "cutout_scale": 0.5,
    "test_batch": 500,
}
_CPU_WALL = {"smoke": 20.0, "prepare": 10.0, "train": 30.0, "inference": 10.0}
_GPU_WALL = {"smoke": 300.0, "prepare": 180.0, "train": 120.0, "inference": 60.0}
_ONE = 1
"""The small nets gain little from a second thread (their operators take microseconds), and lose
much to whatever else runs there: 16 s instead of 4 beside a busy neighbour."""
_SMALL_BYTES = 288_500
_UPSTREAM_BYTES = 19_909_200

PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            name="micro",
            seeds=1,
            sizes={**_SMALL, "epochs": 3, "train_images": 4_000, "test_images": 1_000},
            difficulty=Difficulty(modes=1, noise=0.09, tint=0.03),
            wall={"prepare": 10.0, "train": 15.0, "inference": 10.0},
            seed_bytes=_SMALL_BYTES,
            cpus=_ONE,
            looks=3,
            watches_machine=False,
        ),
        Profile(
            name="cpu",
            seeds=3,
            sizes={**_SMALL, "epochs": 5, "train_images": 5_000, "test_images": 3_000},
            difficulty=Difficulty(
                noise=0.11, turn=0.46, warp=0.12, tint=0.03, clutter=0.75, occlusion=0.58
            ),
            wall=_CPU_WALL,
            seed_bytes=_SMALL_BYTES,
            cpus=_ONE,
        ),
        Profile(
            name="gpu",
            seeds=5,
            sizes=_UPSTREAM,
            difficulty=Difficulty(
                modes=3, noise=0.16, turn=0.6, warp=0.16, tint=0.02, clutter=0.9, occlusion=0.8
            ),
            wall=_GPU_WALL,
            seed_bytes=_UPSTREAM_BYTES,
            gpus=1,
        ),
        Profile(
            name="paper",
            seeds=10,
            sizes=_UPSTREAM,
            difficulty=Difficulty(),
            wall=_GPU_WALL,
            seed_bytes=_UPSTREAM_BYTES,
            gpus=1,
            real_only=True,
            gate="0.96",
        ),
    )
}


def profile_named(name: str) -> Profile:
    """Look a profile up, or say which ones there are; without a name, what fits this machine."""
    if not name:
        name = "gpu" if os.path.exists("/dev/nvidiactl") else "cpu"
    if name not in PROFILES:
        raise unknown("airbench profile", name, PROFILES)
    return PROFILES[name]
