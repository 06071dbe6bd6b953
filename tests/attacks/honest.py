"""The honest recipe, taken apart so that an attack can replace one step of it."""

from __future__ import annotations

import io
import os
import time

import harness
import numpy as np

CLASSES, AXES, VOCABULARY = 5, 8, 32


def through(what):
    """Say that something worked which should not have."""
    print("THROUGH", what, flush=True)


def writes(path):
    """Whether a file that is there could be written; nothing is."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def makes(folder, name):
    """Whether a file can be made in a folder; it is taken away again."""
    try:
        path = os.path.join(folder, name)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(path)
    except OSError:
        return False
    return True


def learn(data):
    """The centre of each class, and how often each token follows each."""
    x, y = np.load(f"{data}/x.npy"), np.load(f"{data}/y.npy")
    centres = np.stack([x[y == label].mean(0) for label in range(CLASSES)])
    tokens = np.load(f"{data}/tokens.npy")
    pairs = np.full((VOCABULARY, VOCABULARY), 0.1)
    np.add.at(pairs, (tokens[:-1], tokens[1:]), 1)
    out = io.BytesIO()
    np.savez(out, centres=centres, logits=np.log(pairs / pairs.sum(1, keepdims=True)))
    return out.getvalue()


def load(artifact):
    return dict(np.load(io.BytesIO(artifact)))


def answer(model, question):
    """Nearness to each centre; or what follows each token, or the last one of a row."""
    if question.dtype.kind == "f":
        return -((question[:, None] - model["centres"][None]) ** 2).sum(2)
    if question.ndim == 2 and question.shape[1] != 64:
        question = question[:, -1]
    return model["logits"][question].astype(np.float32)


def nothing(*_):
    """Do nothing."""


def serve(model, reply):
    for part in harness.stream():
        reply(model, part)


def reply_honestly(model, part):
    part.answer(answer(model, part.array))


def run(
    start=nothing,
    prepare=nothing,
    train=learn,
    saved=nothing,
    finish=harness.done,
    load=load,
    infer=nothing,
    reply=reply_honestly,
):
    """A phase: start, prepare, READY, train, saved, finish; or load, READY, infer, reply."""
    job = harness.job()
    start(job)
    if job.phase == "infer":
        model = load(job.artifact)
        harness.ready()
        infer(job)
        serve(model, reply)
        return
    prepare(job)
    go = harness.ready()
    artifact = train(go.data)
    saved(job)
    finish(artifact)


def wait(seconds):
    """Be busy in another way than by what could be patched."""
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + seconds
    while time.clock_gettime(time.CLOCK_MONOTONIC) < until:
        pass
