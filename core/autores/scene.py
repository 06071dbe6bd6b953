"""What a run is, for those who show it while it goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autores.executor import Capacity
from autores.lineage.view import LineageView
from autores.manifest import Manifest
from autores.records import Budget, Lease, Task
from autores.run import Run
from autores.stop import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What does not change while a run goes on, and how to look at what does."""

    folder: Path
    task: Task
    budget: Budget
    capacity: Capacity
    lease: Lease
    """How much of a machine each evaluation needs to itself."""
    milestone: int
    """Finished trials between tests of the head for a keep."""
    began: float
    """UNIX time, also of a run that was taken up again."""
    view: Callable[[], LineageView]
    """The whole lineage, with who works now; from any thread."""
    stopping: Callable[[], str]
    """Why the run is about to end; empty while it is not."""


@contextmanager
def watched(run: Run, stop: Stop) -> Iterator[None]:
    """Let plugins watch a run; they are told of events in between by their own hooks."""
    with ExitStack() as stack:
        found = run.plugins.hook.autores_watch(scene=_scene(run, stop), settings=run.settings)
        for number, watcher in enumerate(found):
            stack.enter_context(watcher)
            run.plugins.register(watcher, f"watcher {number}")
        yield


def _scene(run: Run, stop: Stop) -> Scene:
    return Scene(
        folder=run.folder.root,
        task=run.task,
        budget=run.budget,
        capacity=run.executor.capacity(),
        lease=run.laboratory.conditions.limits.lease,
        milestone=run.settings.run.milestone,
        began=float(Manifest.read(run.folder.manifest).run["began"]),
        view=lambda: run.view(active=tuple(Counter(dict(run.active)).elements())),
        stopping=lambda: stop.reason,
    )
