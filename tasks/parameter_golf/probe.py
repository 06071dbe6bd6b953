"""Run inside the sandbox beside a recipe: count its parameters, time it, or try it out.

    python golf_probe.py count|profile|smoke SIZES_JSON

Prints one line of JSON. It knows the recipe's `Model`, `Optimizer`, `gradients`, `quantise`,
`pack`, `unpack` and what they take; where an edit has removed one, it says which.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

STEPS = 12
SMOKE_TOKENS = 200_000
LANES = 8


def count(recipe: ModuleType, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters by the first part of their names."""
    parts: dict[str, int] = {}
    coded = 0
    for name, p in recipe.Model(sizes).named_parameters():
        part = ".".join(name.split(".")[:2]) if name.startswith("blocks") else name.split(".")[0]
        parts[part] = parts.get(part, 0) + p.numel()
        coded += p.numel() if recipe.is_coded(name) else 0
    return {"parameters": sum(parts.values()), "coded": coded, "parts": parts}


def profile(recipe: ModuleType, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Training steps on synthetic tokens."""
    import torch

    device = _device()
    model = recipe.Model(sizes).to(device)
    optimizer = recipe.Optimizer(model)
    rows = max(1, int(sizes["batch_tokens"] * recipe.batch_scale) // sizes["sequence"])
    batch = torch.randint(sizes["vocabulary"], (rows, sizes["sequence"] + 1), device=device)

    def steps(number: int) -> float:
        begin = time.perf_counter()
        for _ in range(number):
            recipe.gradients(model, model, batch, 1)
            optimizer.step(1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) / number

    steps(2)
    seconds = steps(STEPS)
    return {
        "seconds_per_step": seconds,
        "tokens_per_second": rows * sizes["sequence"] / seconds,
        "shares": _shares(lambda: steps(3)),
    }


def smoke(recipe: ModuleType, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Both phases, from beginning to end, on noise."""
    with tempfile.TemporaryDirectory() as folder:
        _write_noise(folder, sizes["vocabulary"])
        harness = sys.modules["harness"]
        harness.data = folder  # type: ignore[attr-defined]
        job = SimpleNamespace(phase="smoke", sizes=sizes, rank=0, ranks=1, data=folder)
        recipe.train_phase(job, _device())
    artifact: bytes = harness.artifact
    tokens = np.random.default_rng(1).integers(4, sizes["vocabulary"], (LANES, sizes["chunk"]))
    parts = [_Part(tokens), _Part(tokens)]
    harness.stream = lambda: iter(parts)  # type: ignore[attr-defined]
    recipe.infer_phase(SimpleNamespace(sizes=sizes, artifact=artifact), _device())
    shapes = [list(part.answered.shape) for part in parts]
    wanted = [LANES, sizes["chunk"], sizes["vocabulary"]]
    finite = all(bool(np.isfinite(part.answered).all()) for part in parts)
    fine = shapes == [wanted] * 2 and finite
    return {"fine": fine, "artifact_bytes": len(artifact), "answers": shapes, "finite": finite}


class _Part:
    """A question without an evaluator."""

    def __init__(self, tokens: Any) -> None:
        self.array = tokens
        self.answered: Any = None

    def answer(self, array: Any) -> None:
        self.answered = np.asarray(array)

    def truth(self) -> Any:
        return self.array


class _Harness(ModuleType):
    """The recipe's side of the evaluation, with nobody on the other side."""

    def __init__(self) -> None:
        super().__init__("harness")
        self.data = ""
        self.artifact = b""

    def ready(self) -> SimpleNamespace:
        return SimpleNamespace(seed=1, data=self.data, deadline=time.monotonic() + 20)

    def log(self, step: int, **values: float) -> None:
        """Nobody listens."""

    def save(self, artifact: bytes) -> None:
        self.artifact = artifact

    def done(self, artifact: bytes | None = None) -> None:
        self.artifact = self.artifact if artifact is None else artifact


def _write_noise(folder: str, vocabulary: int) -> None:
    header = np.zeros(256, "<i4")
    header[:3] = 20240520, 1, SMOKE_TOKENS
    tokens = np.random.default_rng(0).integers(0, vocabulary, SMOKE_TOKENS).astype("<u2")
    with open(os.path.join(folder, "fineweb_train_000000.bin"), "wb") as file:
        file.write(header.tobytes() + tokens.tobytes())


def _shares(run: Any, most: int = 12) -> dict[str, float]:
    """The operators that take most of the time, as shares of it."""
    import torch

    with torch.profiler.profile() as profiler:
        run()
    name = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    times = {e.key: float(getattr(e, name)) for e in profiler.key_averages()}
    total = sum(times.values()) or 1.0
    top = sorted(times.items(), key=lambda item: -item[1])[:most]
    return {key.removeprefix("aten::"): round(value / total, 4) for key, value in top}


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


QUESTIONS = {"count": count, "profile": profile, "smoke": smoke}


def main(arguments: list[str]) -> int:
    """Answer one question about the recipe in this folder."""
    question, text = arguments
    sys.path.insert(0, os.getcwd())
    sys.modules["harness"] = _Harness()
    recipe = importlib.import_module("train_gpt")
    try:
        answer = QUESTIONS[question](recipe, json.loads(text))
    except AttributeError as error:
        print(json.dumps({"error": f"the recipe has changed beyond this tool: {error}"}))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
