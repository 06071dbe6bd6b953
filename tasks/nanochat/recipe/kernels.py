"""How fast the machine does it: precision, attention paths, compilation, several devices."""

import os
import time

# On few cores OpenMP threads that spin for long keep the others from working.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import torch
import torch.distributed as dist
import torch.nn.functional as F

compile_on_gpu = True


def start(job):
    """The device of this rank; ranks meet each other where there are several."""
    torch.set_float32_matmul_precision("high")
    gpu = torch.cuda.is_available()
    device = torch.device("cuda", job.rank) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    if job.ranks > 1:
        dist.init_process_group("nccl" if gpu else "gloo")
    return device


def precision(device):
    """In which numbers are multiplied; weights and optimizer stay in float32."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def compiled(function, device):
    """The same, faster, for fixed shapes."""
    if device.type == "cuda" and compile_on_gpu:
        return torch.compile(function, dynamic=False)
    return function


def average_gradients(parameters, ranks):
    """Give all ranks the mean of their gradients."""
    if ranks > 1:
        for p in parameters:
            dist.all_reduce(p.grad)
            p.grad /= ranks


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def stopwatch(device):
    """Seconds since it was made, by calling it."""
    synchronise(device)
    begin = time.perf_counter()

    def seconds():
        synchronise(device)
        return time.perf_counter() - begin

    return seconds


# --------------------------------------------------------------------------- attention
# Queries, keys and values are batch × length × heads × size. A window of w positions lets
# each position look at itself and at w before it.


def attention(q, k, v, window):
    """Causal, over the whole sequence or a window, which never needs a mask of the whole."""
    length = q.size(1)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    if window is None or window >= length - 1:
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        found = bands(q, k, v, window)
    return found.transpose(1, 2)


def bands(q, k, v, window):
    """Blocks as long as the window, each of which sees itself and the one before."""
    batch, heads, length, size = q.shape
    pad = -length % window
    q, k, v = (F.pad(part, (0, 0, 0, pad)) for part in (q, k, v))
    count = (length + pad) // window
    q = q.reshape(batch, heads * count, window, size)
    k, v = (beside(part, window).reshape(batch, heads * count, 2 * window, size) for part in (k, v))
    mask = band_mask(window, q.device).repeat(heads, count, 1, 1)
    mask[:, 0, :, :window] = False  # nothing stands before the first
    found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.flatten(0, 1)[None])
    return found.reshape(batch, heads, length + pad, size)[:, :, :length]


def beside(x, window):
    """Each block after the one before it: … × count × 2·window × size."""
    blocks = x.unflatten(2, (-1, window))
    before = F.pad(blocks[:, :, :-1], (0, 0, 0, 0, 1, 0))
    return torch.cat((before, blocks), 3)


def band_mask(window, device):
    row = torch.arange(window, device=device)[:, None]
    column = torch.arange(2 * window, device=device)[None] - window
    return (column <= row) & (column >= row - window)
