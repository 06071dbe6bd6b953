"""Pretrain a small language model; the score is CORE, the mean of its centred accuracies.

The entry of the recipe. Training is a fixed number of steps that `schedule.py` chooses; it
must end within the time that the profile allows, and what is left of that time is unused.
"""

import harness
import kernels  # first: it settles how threads wait
import torch
from data import batches
from model import Model, Shape
from schedule import Horizon

import optim
import serve

log_every = 10  # steps


def backward(forward, stream, passes, ranks, parameters):
    """Gradients of one batch, in several passes; the mean loss."""
    total = 0.0
    for _ in range(passes):
        loss = forward(*next(stream)) / passes
        loss.backward()
        total = total + loss.detach()
    kernels.average_gradients(parameters, ranks)
    return total


def passes_per_step(horizon, sizes, ranks):
    each = sizes["device_batch"] * sizes["sequence"] * ranks
    passes, rest = divmod(horizon.batch, each)
    if rest:
        raise SystemExit(f"a batch of {horizon.batch:,} tokens is no multiple of {each:,}")
    return passes


def fitted(sizes, horizon, ranks):
    """Sizes with no more rows in a pass than a batch has."""
    rows = max(1, horizon.batch // (sizes["sequence"] * ranks))
    return {**sizes, "device_batch": min(sizes["device_batch"], rows)}


def train(model, forward, stream, horizon, steps, passes, ranks):
    """The first `steps` of a horizon."""
    groups, parameters = optim.build(model, horizon), list(model.parameters())
    for step in range(steps):
        loss = backward(forward, stream, passes, ranks, parameters)
        optim.step(groups, horizon.rate(step), horizon.momentum(step), horizon.decay(step))
        if (step + 1) % log_every == 0 or step + 1 == steps:
            harness.log(step + 1, loss=float(loss), rate=horizon.rate(step))


def synthetic(sizes, device):
    """A pass of the right shape, to compile and warm up on."""
    tokens = torch.randint(sizes["vocabulary"], (sizes["device_batch"], sizes["sequence"]))
    return tokens.to(device), tokens.to(device)


def train_phase(job):
    device = kernels.start(job)
    model = Model(Shape.of(job.sizes)).to(device)
    horizon = Horizon.of(job.sizes, model.scaling_parameters())
    sizes = fitted(job.sizes, horizon, job.ranks)
    passes = passes_per_step(horizon, sizes, job.ranks)
    forward = kernels.compiled(model, device)
    model.reset()
    train(model, forward, iter([synthetic(sizes, device)] * 2), horizon, 2, 1, job.ranks)
    kernels.synchronise(device)
    go = harness.ready()

    torch.manual_seed(go.seed)
    model.reset()
    steps = min(3, horizon.steps) if job.phase == "smoke" else horizon.steps
    stream = batches(job.data, sizes, device, job.rank, job.ranks)
    train(model, forward, stream, horizon, steps, passes, job.ranks)
    harness.done(serve.pack(model) if job.rank == 0 else None)


def infer_phase(job):
    device = kernels.start(job)
    model = Model(Shape.of(job.sizes)).to(device)
    model.load_state_dict(serve.unpack(job.artifact))
    model.eval()
    serve.answer(model, device, *([[0, 1]], [0], [1]))
    harness.ready()
    harness.serve(lambda *question: serve.answer(model, device, *question))


if __name__ == "__main__":
    job = harness.job()
    (infer_phase if job.phase == "infer" else train_phase)(job)
