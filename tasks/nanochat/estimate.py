"""What can be told of a recipe without running it: its settings, its horizon, its parameters.

Read from the syntax tree. Where an edit has changed the formulas themselves, nothing is told.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autores.records import Tree
from autores.tasks.nanochat.profiles import parameters, scaling_parameters

SEED = Path(__file__).resolve().parent / "recipe"
MODEL, SCHEDULE, LOOP = "model.py", "schedule.py", "train.py"
_NET = ("Shape", "Attention", "Block", "Model")
_BYTES_PER_PARAMETER = 16
"""A weight, its gradient and two averages, in single precision."""
_LOGITS_COPIES = 3
_CHANNELS_KEPT = 34
"""Numbers of a block that wait for the backward pass, relative to its width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Length and batch of a training."""

    steps: int
    batch: int

    @property
    def tokens(self) -> int:
        """That are trained on."""
        return self.steps * self.batch


def settings(source: bytes) -> dict[str, float]:
    """The numbers that a module binds to names at its top."""
    found: dict[str, float] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            _bind(node.targets[0], node.value, found)
    return found


def _bind(target: ast.expr, value: ast.expr, found: dict[str, float]) -> None:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            _bind(one, other, found)
    elif isinstance(target, ast.Name):
        try:
            number = ast.literal_eval(value)
        except ValueError:
            return
        if isinstance(number, int | float) and not isinstance(number, bool):
            found[target.id] = number


def horizon(tree: Tree, sizes: Mapping[str, Any]) -> Horizon | None:
    """Steps and batch, by the seed's formulas; None where those were changed."""
    if not unchanged(tree, SCHEDULE, "Horizon") or not unchanged(tree, MODEL, *_NET):
        return None
    chosen = settings(tree.read(SCHEDULE))
    scaling = scaling_parameters(sizes, _mlp_ratio(tree))
    share = scaling / sizes["reference_scaling"]
    try:
        wanted = sizes["reference_batch"] * share ** chosen["batch_exponent"]
        batch = 2 ** round(math.log2(wanted))
        return Horizon(
            steps=int(chosen["ratio"] * sizes["ratio_scale"] * scaling // batch), batch=batch
        )
    except (KeyError, OverflowError, ValueError):
        return None


def count(tree: Tree, sizes: Mapping[str, Any]) -> int | None:
    """Parameters; None where the classes of the net were changed."""
    return parameters(sizes, _mlp_ratio(tree)) if unchanged(tree, MODEL, *_NET) else None


def memory(sizes: Mapping[str, Any], count: int, *, precision: int = 4) -> int:
    """Bytes of one rank, roughly: weights and what belongs to them, activations, logits.

    Args:
        sizes: Of the profile.
        count: Parameters.
        precision: Bytes of a number that waits for the backward pass.
    """
    places = sizes["device_batch"] * sizes["sequence"]
    kept = places * sizes["depth"] * sizes["width"] * _CHANNELS_KEPT * precision
    logits = places * sizes["vocabulary"] * _LOGITS_COPIES * 4
    return int(_BYTES_PER_PARAMETER * count + kept + logits)


def unchanged(tree: Tree, path: str, *names: str) -> bool:
    """Whether classes are, but for comments, those of the seed recipe."""
    if path not in tree:
        return False
    ours, seed = (_definitions(s) for s in (tree.read(path), (SEED / path).read_bytes()))
    return all(ours.get(name) == seed[name] for name in names)


def _definitions(source: bytes) -> dict[str, str]:
    kinds = (ast.ClassDef, ast.FunctionDef)
    return {node.name: ast.dump(node) for node in ast.parse(source).body if isinstance(node, kinds)}


def _mlp_ratio(tree: Tree) -> float:
    return settings(tree.read(MODEL)).get("mlp_ratio", 4)
