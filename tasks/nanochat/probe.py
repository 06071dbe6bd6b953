"""Run inside the sandbox beside a recipe: count its parameters, time its steps and its input.

    python probe.py SIZES_JSON [STEPS]

Prints one line of JSON. It knows the recipe's `Model`, `Shape`, `Horizon`, `train` and
`batches`; where an edit has removed one, it says which.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

DOCUMENTS, WORDS = 400, 120
Sizes = Mapping[str, Any]


def measure(sizes: Sizes, steps: int) -> dict[str, Any]:
    """Parameters, horizon, seconds and memory of the recipe in the working directory."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loop, net, schedule = (import_module(name) for name in ("train", "model", "schedule"))
    setattr(import_module("harness"), "log", lambda step, **values: None)  # noqa: B010
    model = net.Model(net.Shape.of(sizes)).to(device)
    model.reset()
    horizon = schedule.Horizon.of(sizes, model.scaling_parameters())
    sizes = loop.fitted(sizes, horizon, 1)
    passes = loop.passes_per_step(horizon, sizes, 1)
    forward = import_module("kernels").compiled(model, device)
    one = loop.synthetic(sizes, device)

    def run(count: int) -> float:
        begin = time.perf_counter()
        loop.train(model, forward, iter([one] * passes * count), horizon, count, passes, 1)
        _synchronise()
        return time.perf_counter() - begin

    run(2)
    seconds = run(steps) / steps
    waiting = _input_seconds(sizes, device, passes, steps)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": horizon.steps,
        "batch": horizon.batch,
        "seconds_per_step": seconds + waiting,
        "input_seconds_per_step": waiting,
        "tokens_per_second": horizon.batch / (seconds + waiting),
        "training_seconds": horizon.steps * (seconds + waiting),
        "peak_memory_bytes": _peak_memory(),
    }


def _input_seconds(sizes: Sizes, device: Any, passes: int, steps: int) -> float:
    """Seconds per step for reading, tokenising and packing, on made-up documents."""
    with tempfile.TemporaryDirectory() as folder:
        _write_documents(Path(folder), sizes["vocabulary"])
        stream: Iterator[Any] = import_module("data").batches(folder, sizes, device, 0, 1)
        next(stream)
        begin = time.perf_counter()
        for _ in range(passes * steps):
            next(stream)
        _synchronise()
        return (time.perf_counter() - begin) / steps


def _write_documents(folder: Path, vocabulary: int) -> None:
    import pyarrow
    import pyarrow.parquet
    import tokenizers

    words = random.Random(0)
    told = ["".join(words.choices("abcdefgh", k=5)) for _ in range(500)]
    texts = [" ".join(words.choices(told, k=WORDS)) for _ in range(DOCUMENTS)]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=min(vocabulary, 1_000),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|bos|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    for name in ("tokenizer", "base_data_climbmix"):
        (folder / name).mkdir()
    tokenizer.save(str(folder / "tokenizer" / "tokenizer.json"))
    table = pyarrow.table({"text": texts})
    pyarrow.parquet.write_table(table, folder / "base_data_climbmix" / "shard_00000.parquet")


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
    """Measure the recipe that lies here."""
    sys.path.insert(0, ".")
    text, *rest = arguments
    try:
        answer = measure(json.loads(text), int(rest[0]) if rest else 5)
    except AttributeError as error:
        print(json.dumps({"error": f"the recipe has changed beyond this tool: {error}"}))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
