"""Fit a curve through noisy points: four numbers that the evaluator reads and trains with."""

from __future__ import annotations

degree = 4  # of the polynomial
ridge = 0.02  # pull of the coefficients towards zero
rate = 0.05  # of gradient descent
steps = 60
