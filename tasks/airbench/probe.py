"""Run inside the sandbox beside a recipe: count its parameters, time some steps, rehearse it.

    python probe.py CODE_FOLDER count|profile|smoke SIZES_JSON [STEPS]

Prints one line of JSON. `count` and `profile` know the recipe's `build`, `synthetic`,
`batches`, `train` and `fastest_precision`; where an edit has removed one, they say which.
`smoke` runs both phases as the evaluator would, on noise.
"""

from __future__ import annotations

import importlib
import json
import resource
import runpy
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

PICTURES = 1_000


def count(recipe: ModuleType, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of the main net and of the proxy net."""
    nets = {"main": recipe.build(sizes, _device())}
    if sizes["proxy_widths"]:
        nets["proxy"] = recipe.build(sizes, _device(), main=False)
    return {
        name: {
            "parameters": sum(p.numel() for p in net.parameters()),
            "trained": sum(p.numel() for p in net.parameters() if p.requires_grad),
        }
        for name, net in nets.items()
    }


def profile(recipe: ModuleType, sizes: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Time steps of the main net on synthetic pictures: once plainly, once operator by operator."""
    device, batch = _device(), sizes["batch"]
    net = recipe.build(sizes, device)
    x, y = recipe.synthetic(max(batch, PICTURES), device)
    net.init_whiten(x)
    precision = recipe.fastest_precision(net, x[:batch], y[:batch])
    x = x.to(precision)
    side = round(recipe.cutout * sizes["cutout_scale"])
    recipe.train(net, net, sizes, iter([(x[:batch], y[:batch])] * 3), 3, precision)

    def run(stream: Iterator[Any]) -> float:
        begin = time.perf_counter()
        recipe.train(net, net, sizes, stream, steps, precision)
        _synchronise()
        return time.perf_counter() - begin

    stalls: list[float] = []
    seconds = run(_timed(recipe.batches(x, y, batch, side, 0), stalls))
    return {
        "precision": str(precision).removeprefix("torch."),
        "batch": batch,
        "steps": recipe.count_steps(sizes, sizes["train_images"]),
        "seconds_per_step": seconds / steps,
        "input_share": sum(stalls) / seconds,
        "pictures_per_second": batch * steps / seconds,
        "peak_memory_bytes": _peak_memory(),
        "shares": _shares(lambda: run(recipe.batches(x, y, batch, side, 1))),
    }


class Rehearsal(ModuleType):
    """The harness without an evaluator: one job, data of noise, one question."""

    def __init__(self, job: SimpleNamespace, question: Any = None) -> None:
        super().__init__("harness")
        self.place = job.data
        self.job = lambda: job
        self.question = question
        self.artifact = b""
        self.answer: Any = None
        self._begun = time.perf_counter()
        self.ready_after = self.seconds = 0.0

    def ready(self) -> SimpleNamespace:
        """As if GO came at once."""
        self.ready_after = time.perf_counter() - self._begun
        self._begun = time.perf_counter()
        return SimpleNamespace(seed=1, data=self.place)

    def log(self, step: int, **values: float) -> None:
        """Nobody looks at a rehearsal's curve."""

    def save(self, artifact: bytes) -> None:
        """Keep the last artifact."""
        self.artifact = bytes(artifact)

    def done(self, artifact: bytes | None = None) -> None:
        """The first phase ends."""
        self.artifact = self.artifact if artifact is None else bytes(artifact)
        self.seconds = time.perf_counter() - self._begun

    def deadline(self) -> float:
        """Nothing is urgent."""
        return time.monotonic() + 3_600

    def serve(self, predict: Any) -> None:
        """Ask once."""
        for part in self.stream():
            part.answer(predict(part.array))

    def stream(self) -> Iterator[Any]:
        """The same, for a recipe that loops itself."""

        def answer(given: Any) -> None:
            self.answer = np.asarray(given)

        question = self.question
        yield SimpleNamespace(array=question, arrays=(question,), answer=answer, truth=lambda: ())
        self.seconds = time.perf_counter() - self._begun


def smoke(folder: str, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Three steps of training and a batch of answers, on noise."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as data:
        count = max(PICTURES, sizes["batch"])
        np.save(f"{data}/train_images.npy", _noise(rng, count))
        np.save(f"{data}/train_labels.npy", rng.integers(0, 10, count).astype(np.uint8))
        trained = _rehearse(folder, Rehearsal(_job("smoke", sizes, data)))
    with tempfile.TemporaryDirectory() as data:
        Path(data, "artifact").write_bytes(trained.artifact)
        question = _noise(rng, sizes["test_batch"])
        answered = _rehearse(folder, Rehearsal(_job("infer", sizes, data), question))
    found = answered.answer
    return {
        "artifact_bytes": len(trained.artifact),
        "answered": None if found is None else list(found.shape),
        "finite": found is not None and bool(np.isfinite(found).all()),
        "seconds": {
            "prepare": trained.ready_after,
            "three_steps": trained.seconds,
            "prepare_inference": answered.ready_after,
            "one_batch": answered.seconds,
        },
    }


def _job(phase: str, sizes: Mapping[str, Any], data: str) -> SimpleNamespace:
    path = Path(data, "artifact")
    artifact = path.read_bytes() if path.exists() else b""
    return SimpleNamespace(
        phase=phase,
        sizes=dict(sizes),
        data=data,
        artifact=artifact,
        artifact_path=str(path),
        rank=0,
        ranks=1,
    )


def _noise(rng: np.random.Generator, count: int) -> Any:
    return rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def _rehearse(folder: str, harness: Rehearsal) -> Rehearsal:
    sys.modules["harness"] = harness
    runpy.run_path(str(Path(folder, "train.py")), run_name="__main__")
    return harness


def _timed(stream: Iterator[Any], stalls: list[float]) -> Iterator[Any]:
    while True:
        begin = time.perf_counter()
        batch = next(stream)
        _synchronise()
        stalls.append(time.perf_counter() - begin)
        yield batch


def _shares(run: Any, most: int = 12) -> dict[str, float]:
    """The operators that take most of the time, as shares of it."""
    import torch
    from torch.profiler import ProfilerActivity

    kinds = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        kinds.append(ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=kinds) as profiler:
        run()
    name = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    times = {e.key: float(getattr(e, name)) for e in profiler.key_averages()}
    total = sum(times.values()) or 1.0
    top = sorted(times.items(), key=lambda item: -item[1])[:most]
    return {key.removeprefix("aten::"): round(value / total, 4) for key, value in top}


def _device() -> Any:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _synchronise() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak_memory() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(arguments: list[str]) -> int:
    """Answer one question about a recipe."""
    folder, question, text, *rest = arguments
    sys.path.insert(0, folder)
    sizes = json.loads(text)
    if question == "smoke":
        print(json.dumps(smoke(folder, sizes)))
        return 0
    sys.modules["harness"] = Rehearsal(_job("train", sizes, ""))
    recipe = importlib.import_module("train")
    try:
        if question == "count":
            answer = count(recipe, sizes)
        else:
            answer = profile(recipe, sizes, int(rest[0]) if rest else 20)
    except AttributeError as error:
        print(json.dumps({"error": f"the recipe has changed beyond this tool: {error}"}))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
