"""`autores transfer`: does a gain hold in another profile, or in another world?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autores.baseline import BASELINE, ensure_baseline
from autores.claims.adding import add_trial
from autores.claims.verifying import verify_trial
from autores.config import SettingsBook, Value
from autores.errors import UserError
from autores.events import Marked
from autores.manager import PluginManager
from autores.manifest import Manifest
from autores.opening import begin, opened
from autores.progress import progress
from autores.reading import Reading
from autores.verify import Verification

TRANSFER = "transfer"
_NOT_CARRIED = ("name", "store", "agent", "max_trials", "deadline")


async def transfer_trial(
    found: Reading,
    trial: int,
    settings: SettingsBook,
    *,
    profile: str,
    fresh_world: bool,
    seeds: int,
    error: float,
) -> tuple[Verification, Path]:
    """Measure a trial against the baseline where it was not found, in a run of its own.

    Args:
        found: The run in which it was found.
        trial: Of that run.
        settings: What is said now lies over what that run was begun with.
        profile: Of the task; empty for the same.
        fresh_world: Draw new data from a new key, beside the new run.
        seeds: Fresh looks at each side.
        error: The significance that the test must reach.

    Returns:
        The verdict, and where the new run lies.

    Raises:
        UserError: It would be measured where it was found.
    """
    if not fresh_world and profile in ("", found.task.profile):
        raise UserError("say where to: --profile P for another profile, or --fresh-world")
    profile = profile or found.task.profile
    name = f"{found.folder.root.name}-{trial:04d}-in-{profile}" + ("-anew" if fresh_world else "")
    files = found.code.tree(found.commit(trial)).files()
    book = _carried(found.manifest, settings, {"profile": profile, "name": name})
    if fresh_world:
        data_dir = Path(book.run.out).absolute() / name / "data"  # evaluators work elsewhere
        book.environment = replace(book.environment, data_dir=data_dir)
    folder, loaded = begin(book, PluginManager())
    async with opened(folder, loaded) as there:
        run = there.run
        with progress("measure the seed recipe there"):
            await ensure_baseline(run)
        said = found.store.get(trial).submission.hypothesis
        added = await add_trial(
            run, files, (BASELINE,), hypothesis=said, by=TRANSFER, call=str(trial)
        )
        verdict = await verify_trial(run, added, seeds=seeds, error=error, first=True)
    said = f"{profile}{', a fresh world' if fresh_world else ''}: {_told(verdict)}, see {name}"
    found.store.append(lambda head: (Marked(name=TRANSFER, text=said, trial=trial),))
    return verdict, folder.root


def _carried(then: Manifest, settings: SettingsBook, now: Mapping[str, Any]) -> SettingsBook:
    """What the run was begun with, without what was its own."""
    carried = {
        name: Value(value=value, source="the run that is transferred from")
        for name, value in then.settings.items()
        if name not in _NOT_CARRIED
    }
    here = {name: Value(value=value, source=TRANSFER) for name, value in now.items()}
    return SettingsBook(carried | settings.values | here, environment=settings.environment)


def _told(verdict: Verification) -> str:
    said = "verified" if verdict.verified else "not verified"
    return f"gain {verdict.effect:+.6g}, p = {verdict.p:.2g}, {said}"
