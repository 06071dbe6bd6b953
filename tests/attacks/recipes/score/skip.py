"""Raise what some frameworks count as success.

Ends: exited
"""

from __future__ import annotations

import unittest

from honest import run


def skip(data):
    raise unittest.SkipTest("score: 1.0")


run(train=skip)
