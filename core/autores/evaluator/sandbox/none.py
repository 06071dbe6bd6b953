"""The level of last resort, where the kernel offers nothing: it contains nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial

from autores.evaluator.sandbox import launch
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.contained import RunningCell
from autores.evaluator.sandbox.level import Cell, Level


class Unconfined(HostSandbox):
    """A session, an environment and limits of its own; it reads and writes what its user may."""

    level = Level.NONE

    def spawn(self, cell: Cell) -> RunningCell:
        """Start a cell; see `Sandbox`."""
        tmp = launch.temporary_folder(self.folder, None)
        steps: list[Callable[[], None]] = [partial(os.chdir, cell.code)]
        if sys.platform == "linux":
            steps.append(launch.die_with_parent)
        inside = launch.on_the_host(cell, self.view.python, tmp)
        return self.run(cell, inside, steps, uid=None, folders=[tmp])
