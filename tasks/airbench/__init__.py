"""Task: train an image classifier to an accuracy as fast as possible."""

from __future__ import annotations
