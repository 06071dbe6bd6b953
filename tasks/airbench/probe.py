"""Run inside the sandbox beside a recipe: count its parameters, or time some steps.

    python probe.py CODE_FOLDER count|profile SIZES_JSON [STEPS]

Prints one line of JSON. It knows the recipe's `build`, `synthetic`, `batches`, `train` and
`fastest_precision`; where an edit has removed one, it says which.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

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
        "seconds_per_step": seconds / steps,
        "input_share": sum(stalls) / seconds,
        "pictures_per_second": batch * steps / seconds,
        "peak_memory_bytes": _peak_memory(),
        "shares": _shares(lambda: run(recipe.batches(x, y, batch, side, 1))),
    }


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
