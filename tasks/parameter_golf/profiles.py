"""What each profile fixes: sizes of the data and of the seed model, times, and bytes.

The four are one task at four sizes. `gpu` and `paper` take the published numbers of the small
stack; `cpu` and `micro` shrink model, text and time so that two cores do in seconds what eight
GPUs do in ten minutes. The cap on bytes leaves the seed recipe one to two percent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autores.errors import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One size of the task."""

    name: str
    sizes: Mapping[str, Any]
    """What the recipe reads from its job; a chunk of one column is the strict mode."""
    train_bytes: int
    """Of generated text; nothing is generated where there is none."""
    wall: Mapping[str, float]
    """Limits of the phases in seconds; `audit`: no replay begins after so long."""
    seeds: int = 1
    looks: int = 5
    """Evaluations that calibrate the seed recipe."""
    gpus: int = 0
    real_only: bool = False
    """Only FineWeb itself will do."""

    @property
    def artifact_bytes(self) -> int:
        """Code and weights together."""
        return int(self.sizes["artifact_bytes"])

    @property
    def eval_tokens(self) -> int:
        """Tokens that are predicted."""
        return int(self.sizes["lanes"] * self.sizes["columns"])


_CPU_WALL = {"smoke": 60.0, "prepare": 40.0, "train": 25.0, "inference": 50.0, "audit": 120.0}
_GPU_WALL = {"smoke": 300.0, "prepare": 180.0, "train": 600.0, "inference": 600.0, "audit": 3_600.0}
_FINEWEB: Mapping[str, Any] = {
    "vocabulary": 8_192,
    "width": 512,
    "depth": 9,
    "heads": 8,
    "sequence": 1_024,
    "log_every": 50,
    "infer_rows": 64,
    "lanes": 512,
    "columns": 3_840,
    "chunk": 64,
    "artifact_bytes": 16_000_000,
}

_CPU = Profile(
    name="cpu",
    sizes={
        "vocabulary": 1_024,
        "width": 64,
        "depth": 3,
        "heads": 2,
        "sequence": 256,
        "batch_tokens": 1_024,
        "log_every": 20,
        "infer_rows": 64,
        "lanes": 128,
        "columns": 512,
        "chunk": 64,
        "artifact_bytes": 116_200,
    },
    train_bytes=8_000_000,
    wall=_CPU_WALL,
)

PROFILES: Mapping[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            name="micro",
            sizes={
                "vocabulary": 512,
                "width": 48,
                "depth": 2,
                "heads": 2,
                "sequence": 64,
                "batch_tokens": 1_024,
                "log_every": 5,
                "infer_rows": 64,
                "lanes": 64,
                "columns": 128,
                "chunk": 32,
                "artifact_bytes": 51_500,
            },
            train_bytes=400_000,
            wall={"prepare": 40.0, "train": 4.0, "inference": 12.0, "audit": 30.0},
            looks=3,
        ),
        _CPU,
        replace(
            _CPU,
            name="columns",
            sizes={**_CPU.sizes, "lanes": 32, "columns": 256, "chunk": 1},
            wall={**_CPU_WALL, "inference": 60.0},
        ),
        Profile(
            name="gpu",
            sizes={**_FINEWEB, "batch_tokens": 65_536},
            train_bytes=400_000_000,
            wall=_GPU_WALL,
            gpus=1,
        ),
        Profile(
            name="paper",
            sizes={**_FINEWEB, "width": 512, "depth": 11, "batch_tokens": 786_432},
            train_bytes=0,
            wall=_GPU_WALL,
            gpus=8,
            real_only=True,
        ),
    )
}


def profile_named(name: str) -> Profile:
    """Look a profile up, or say which ones there are; without a name, what fits this machine."""
    if not name:
        name = "gpu" if os.path.exists("/dev/nvidiactl") else "cpu"
    if name not in PROFILES:
        raise unknown("parameter_golf profile", name, PROFILES)
    return PROFILES[name]
