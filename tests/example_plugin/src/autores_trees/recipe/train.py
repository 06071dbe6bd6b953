"""Fit a polynomial to measured trees, and guess others with it."""

import json

import harness
import numpy as np

degree = 1
pull = 0.01  # of the coefficients towards zero


def features(girth):
    return np.power.outer(girth / 4.0, np.arange(degree + 1))


job = harness.job()
if job.phase == "infer":
    weights = np.array(json.loads(job.artifact))
    harness.ready()
    harness.serve(lambda girth: features(girth) @ weights)
else:
    harness.ready()
    girth, height = np.load(f"{job.data}/trees.npy")
    x = features(girth)
    weights = np.linalg.solve(x.T @ x + pull * np.eye(degree + 1), x.T @ height)
    harness.done(json.dumps(weights.tolist()).encode())
