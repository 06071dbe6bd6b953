"""What each profile fixes: the shape of the net, the reference of its schedule, data, items.

The published recipe is the `paper` profile. It comes to the others by four rules, with the
hyperparameters themselves the same literals everywhere:

1. Depth, width, vocabulary and sequence shrink to fit the time.
2. Batch and length are relative to a reference net, which is the seed net of the profile
   itself: all factors of the schedule are 1 there, as they are at depth 12.
3. Tokens per scaling parameter are the recipe's own number times `ratio_scale`. On a CPU the
   reference batch is small: training on a million tokens in batches of 4,096 reached CORE 0.177,
   in batches of 2,048 0.215 (in the whole world).
4. What is drawn is a smaller world, of which more is learned in a short time: `cpu` reached CORE
   0.255 on 0.77 million tokens of a county, 0.222 on 1.24 million of the whole world.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autores.errors import unknown
from autores.records import NoisePrior
from autores.tasks.text.world import WHOLE, Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """How much is drawn where there are no real files."""

    train_bytes: int
    validation_bytes: int
    items: int
    """Questions of each kind, for each split."""
    extent: Extent = WHOLE
    documents_per_group: int = 1_024
    tokenizer_bytes: int = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One size of the task."""

    name: str
    sizes: Mapping[str, Any]
    """What the recipe reads from its job."""
    generated: Generated
    items: int
    """At most so many of each task are asked; -1: all."""
    validation_rows: int
    """Of one sequence each, for bits per byte."""
    audited_rows: int = 32
    """Of those, the rows that an audit asks again, all logits at once."""
    wall: Mapping[str, float]
    """Limits of the phases, in seconds."""
    seed_bytes: int
    """Code and artifact of the seed recipe; a trial may have 1.25 times as many."""
    memory_bytes: int
    """Of the machine."""
    device_bytes: int = 0
    """Of one GPU."""
    noise: NoisePrior
    """By which CORE of the seed recipe differs from seed to seed."""
    seeds: int = 1
    looks: int = 3
    """Evaluations that calibrate the seed recipe."""
    gpus: int = 0
    cpus: int = 0
    """Processors that a recipe may use; 0: all. On a net as small as `micro` a second one mostly
    waits for the first."""
    real_only: bool = False
    """Only the published files will do."""
    question_tokens: int = 8_192
    """Of one question, padding included."""
    question_bytes: int = 32 << 20
    """Of one answer in single precision."""
    device: str | None = None
    """Where losses are computed."""

    @property
    def rank_bytes(self) -> int:
        """Where one process keeps its net."""
        return self.device_bytes or self.memory_bytes

    @property
    def ranks(self) -> int:
        """Processes that train together."""
        return max(1, self.gpus)


def _shape(
    depth: int, width: int, heads: int, vocabulary: int, sequence: int, device_batch: int
) -> dict[str, int]:
    return {
        "depth": depth,
        "width": width,
        "heads": heads,
        "vocabulary": vocabulary,
        "sequence": sequence,
        "device_batch": device_batch,
    }


def scaling_parameters(sizes: Mapping[str, Any], mlp_ratio: float = 4) -> int:
    """Matrices of the seed net's blocks, and its head: the published 110,100,912 at depth 12."""
    depth, width = sizes["depth"], sizes["width"]
    gates = (depth + 1) // 2 * 12 * sizes["heads"]
    blocks = (4 + 2 * mlp_ratio) * depth * width * width
    return int(blocks + gates + width * sizes["vocabulary"])


def parameters(sizes: Mapping[str, Any], mlp_ratio: float = 4) -> int:
    """All of the seed net's: 286,261,730 at depth 12."""
    tables = 1 + (sizes["depth"] + 1) // 2
    scalars = 2 * sizes["depth"] + 26
    return int(
        scaling_parameters(sizes, mlp_ratio)
        + tables * sizes["vocabulary"] * sizes["width"]
        + scalars
    )


def _sizes(shape: Mapping[str, int], batch: int, ratio_scale: float) -> dict[str, Any]:
    return {
        **shape,
        "reference_batch": batch,
        "reference_scaling": scaling_parameters(shape),
        "ratio_scale": ratio_scale,
    }


_CODE_BYTES = 28_000
PUBLISHED_NOISE = NoisePrior(sd=0.010, degrees_of_freedom=3)
"""By which re-runs of one recipe differed, as documented with the published runs."""
_PUBLISHED = _shape(12, 768, 6, 32_768, 2_048, 32)
_GPU_WALL = {"smoke": 600.0, "prepare": 300.0}
_ALL_GENERATED = Generated(train_bytes=400 << 20, validation_bytes=8 << 20, items=500)


def _seed_bytes(shape: Mapping[str, int]) -> int:
    return 2 * parameters(shape) + _CODE_BYTES


_MICRO = _shape(2, 64, 2, 1_024, 64, 4)
_CPU = _shape(3, 96, 3, 1_024, 256, 8)
_HAMLET = Extent(
    topics=5,
    nouns=60,
    verbs=32,
    adjectives=24,
    adverbs=8,
    people=40,
    places=16,
    rules=16,
    customs=10,
)
_COUNTY = Extent(
    topics=16,
    nouns=640,
    verbs=240,
    adjectives=200,
    adverbs=60,
    people=200,
    places=80,
    rules=120,
    customs=14,
)

PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            name="micro",
            sizes=_sizes(_MICRO, 256, 0.033),
            generated=Generated(
                train_bytes=600_000,
                validation_bytes=60_000,
                items=120,
                extent=_HAMLET,
                documents_per_group=64,
                tokenizer_bytes=400_000,
            ),
            items=120,
            validation_rows=32,
            wall={"prepare": 20.0, "train": 30.0, "inference": 20.0},
            cpus=1,
            noise=NoisePrior(sd=0.019, degrees_of_freedom=6),
            seed_bytes=_seed_bytes(_MICRO),
            memory_bytes=4 << 30,
            looks=2,
        ),
        Profile(
            name="cpu",
            sizes=_sizes(_CPU, 2_048, 0.15),
            generated=Generated(
                train_bytes=8_000_000,
                validation_bytes=200_000,
                items=400,
                extent=_COUNTY,
                documents_per_group=256,
                tokenizer_bytes=2_000_000,
            ),
            items=400,
            validation_rows=64,
            wall={"smoke": 30.0, "prepare": 15.0, "train": 75.0, "inference": 40.0},
            noise=NoisePrior(sd=0.024, degrees_of_freedom=3),
            seed_bytes=_seed_bytes(_CPU),
            memory_bytes=4 << 30,
        ),
        Profile(
            name="gpu",
            sizes=_sizes(_PUBLISHED, 1 << 19, 0.25),
            generated=_ALL_GENERATED,
            items=500,
            validation_rows=512,
            audited_rows=8,
            wall={**_GPU_WALL, "train": 1_800.0, "inference": 300.0},
            noise=PUBLISHED_NOISE,
            seed_bytes=_seed_bytes(_PUBLISHED),
            memory_bytes=96 << 30,
            device_bytes=80 << 30,
            gpus=1,
            looks=2,
            question_tokens=65_536,
            question_bytes=1 << 30,
            device="cuda",
        ),
        Profile(
            name="paper",
            sizes=_sizes(_PUBLISHED, 1 << 19, 1.0),
            generated=_ALL_GENERATED,
            items=500,
            validation_rows=1_024,
            audited_rows=8,
            wall={**_GPU_WALL, "train": 5_400.0, "inference": 600.0},
            noise=PUBLISHED_NOISE,
            seed_bytes=_seed_bytes(_PUBLISHED),
            memory_bytes=512 << 30,
            device_bytes=80 << 30,
            gpus=8,
            real_only=True,
            looks=2,
            question_tokens=65_536,
            question_bytes=1 << 30,
            device="cuda",
        ),
    )
}


def profile_named(name: str) -> Profile:
    """Look a profile up, or say which ones there are; without a name, what fits this machine."""
    if not name:
        name = "gpu" if os.path.exists("/dev/nvidiactl") else "cpu"
    if name not in PROFILES:
        raise unknown("nanochat profile", name, PROFILES)
    return PROFILES[name]
