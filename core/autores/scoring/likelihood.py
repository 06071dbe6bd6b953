"""Losses of tokens under a candidate's logits, and what follows from them for whole answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autores.evaluator.failure import Failed
from autores.status import Cause

BLOCK_BYTES = 1 << 20
"""Of single-precision logits that are worked on at a time: they stay in the cache."""
DEVICE_BYTES = 1 << 28
Losses = NDArray[np.float64]
Tokens = NDArray[np.int64]


def losses(
    logits: NDArray[Any], targets: NDArray[np.integer[Any]], device: str | None = None
) -> Losses:
    """The loss of each target in nats: the evaluator normalises, over the whole vocabulary.

    Args:
        logits: Any leading axes, and the vocabulary as the last.
        targets: The same leading axes.
        device: Where torch computes, such as `cuda`; None: here, without torch.

    Raises:
        Failed: A loss is not finite; so is one of a distribution without any weight.
    """
    width = logits.shape[-1]
    rows, wanted = logits.reshape(-1, width), targets.reshape(-1)
    found = np.empty(len(rows))
    step = max(1, (BLOCK_BYTES if device is None else DEVICE_BYTES) // (4 * width))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        found[part] = (
            _block(rows[part], wanted[part])
            if device is None
            else _block_on(device, rows[part], wanted[part])
        )
    if not np.isfinite(found).all():
        raise Failed(Cause.NOT_FINITE, "the loss of a token is not a finite number")
    return found.reshape(targets.shape)


def _block(logits: NDArray[Any], targets: NDArray[np.integer[Any]]) -> Losses:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shifted: NDArray[Any] = logits.astype(
            np.float64 if logits.dtype.itemsize == 8 else np.float32
        )
        shifted -= shifted.max(1, keepdims=True)
        own = shifted[np.arange(len(targets)), targets].astype(np.float64)
        total = np.exp(shifted, out=shifted).sum(1, dtype=np.float64)
        return np.asarray(np.log(total) - own)


def _block_on(device: str, logits: NDArray[Any], targets: NDArray[np.integer[Any]]) -> Losses:
    import torch

    rows = torch.as_tensor(logits, device=device).float()
    own = torch.as_tensor(targets, device=device).long()
    found = torch.nn.functional.cross_entropy(rows, own, reduction="none")
    return np.asarray(found.double().cpu().numpy())


def credit(options: Sequence[float], right: int) -> Fraction:
    """What the choice of the least loss earns: 1, or an equal share where options tie."""
    best = min(options)
    chosen = [number for number, loss in enumerate(options) if loss == best]
    return Fraction(right in chosen, len(chosen))


def produced(
    ask: Callable[[Sequence[Tokens]], NDArray[Any]], items: Sequence[tuple[Tokens, Tokens]]
) -> list[bool]:
    """Whether each wanted continuation is what the candidate itself produces, token by token.

    The wanted token is never sent: the context is, and then whatever the candidate said,
    until it differs. A tie for the first place is nobody's.

    Args:
        ask: Given contexts, the logits of the token after each: one row for each.
        items: Contexts and wanted continuations.
    """
    contexts = [context for context, _ in items]
    alive = [number for number, (_, wanted) in enumerate(items) if len(wanted)]
    matched = [not len(wanted) for _, wanted in items]
    place = 0
    while alive:
        logits = ask([contexts[number] for number in alive])
        if np.isnan(logits).any():
            raise Failed(Cause.NOT_FINITE, "answered with a number that is not finite")
        said = [
            number
            for number, row in zip(alive, logits, strict=True)
            if _first(row) == items[number][1][place]
        ]
        place += 1
        for number in said:
            contexts[number] = np.append(contexts[number], items[number][1][place - 1])
            matched[number] = place == len(items[number][1])
        alive = [number for number in said if not matched[number]]
    return matched


def _first(row: NDArray[Any]) -> int:
    """The token of the greatest logit; -1 where there are two."""
    best = int(row.argmax())
    return best if (row == row[best]).sum() == 1 else -1
