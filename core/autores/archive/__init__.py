"""Lineages that others wrote: read, repaired where that is certain, and never changed.

The files themselves stay as they are and are read anew each time. `autores.archive.taking`
puts them into a folder of their own, in which they read like any other run.
"""

from __future__ import annotations
