"""The trained model: as bytes, and as answers."""

import json
import struct
from collections.abc import Mapping

import numpy as np
import torch

NAMES = {torch.bfloat16: "BF16", torch.float32: "F32"}


def pack(model):
    """Weights in the format of safetensors: tables and matrices in half the bytes."""
    header, parts, place = {}, [], 0
    for name, value in model.state_dict().items():
        value = value.detach().cpu()
        value = value.to(torch.bfloat16) if value.dim() > 1 else value
        data = value.contiguous().view(torch.uint8).numpy().tobytes()
        span = [place, place + len(data)]
        header[name] = dict(dtype=NAMES[value.dtype], shape=list(value.shape), data_offsets=span)
        parts.append(data)
        place = span[1]
    text = json.dumps(header).encode()
    return b"".join((struct.pack("<Q", len(text)), text, *parts))


def unpack(data) -> Mapping[str, torch.Tensor]:
    (size,) = struct.unpack_from("<Q", data)
    types = {name: kind for kind, name in NAMES.items()}
    body = np.frombuffer(data, np.uint8, offset=8 + size).copy()
    return {
        name: torch.from_numpy(body[slice(*about["data_offsets"])])
        .view(types[about["dtype"]])
        .view(about["shape"])
        for name, about in json.loads(data[8 : 8 + size]).items()
    }


@torch.no_grad()
def answer(model, device, tokens, rows, columns):
    """Logits after the token at each place (row, column) of a batch of token sequences."""
    tokens, rows, columns = (
        torch.as_tensor(part, device=device).long() for part in (tokens, rows, columns)
    )
    logits = model.logits(model.features(tokens)[rows, columns])
    return (logits.half() if device.type == "cuda" else logits).cpu().numpy()
