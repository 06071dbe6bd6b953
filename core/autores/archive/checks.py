"""Whether an imported run says of itself what was said of it: `best.json` and `tree.tsv`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from autores.archive.grid import split
from autores.archive.texts import parents_of
from autores.records import Direction, Trial
from autores.status import Status

BEST = "best.json"
TREE = "tree.tsv"
_NEAR = 1.5e-6
"""Scores were published with six decimals."""
_ITSELF = "the table does not agree with itself"
_NAMED = 5
"""More trials than these are counted and not named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that two sources should say alike."""

    name: str
    holds: bool
    detail: str = ""
    why: str = ""
    """Where it is known how a difference came about, and that it is not in our reading."""

    @property
    def fails(self) -> bool:
        """Whether they differ and nobody knows why."""
        return not self.holds and not self.why

    def __str__(self) -> str:
        said = "agrees" if self.holds else "differs" if self.why else "DIFFERS"
        detail = f" ({self.detail})" if self.detail else ""
        return f"{said}: {self.name}{detail}{f'; {self.why}' if self.why else ''}"


def checks(
    trials: Mapping[int, Trial], *, metric: str, direction: Direction, folder: Path | None
) -> tuple[Check, ...]:
    """All that can be checked with what lies beside the table.

    Args:
        trials: As they were read.
        metric: The column that ranks.
        direction: Which way it improves.
        folder: Where `best.json` and `tree.tsv` may lie; None to leave them out.
    """
    found = [_keeps_improve(trials.values(), direction), _deltas(trials.values())]
    if folder is not None and (folder / BEST).exists():
        found += _against_best(trials, metric, folder / BEST)
    if folder is not None and (folder / TREE).exists():
        found += _against_tree(trials, metric, folder / TREE)
    return tuple(found)


def _kept(trials: Iterable[Trial]) -> list[Trial]:
    return [t for t in trials if t.status in (Status.BASELINE, Status.KEEP)]


def _keeps_improve(trials: Iterable[Trial], direction: Direction) -> Check:
    kept = _kept(trials)
    worse = [
        new.id
        for old, new in pairwise(kept)
        if old.score is not None
        and new.score is not None
        and direction.gain(old.score, new.score) <= 0
    ]
    return _differing("each keep is better than the one before", worse, _ITSELF)


def _deltas(trials: Iterable[Trial]) -> Check:
    """`delta_vs_best` is score minus best, of the best when the row was written."""
    best: float | None = None
    wrong = []
    for trial in trials:
        said = trial.metrics.get("delta_vs_best")
        step = None if best is None or trial.score is None else trial.score - best
        if said is not None and step is not None and abs(step - said) > _NEAR:
            wrong.append(trial.id)
        if trial.status in (Status.BASELINE, Status.KEEP):
            best = trial.score
    return _differing("delta_vs_best is the score minus the best of its time", wrong, _ITSELF)


# ------------------------------------------------------------------------------ best.json


def _against_best(trials: Mapping[int, Trial], metric: str, path: Path) -> Iterator[Check]:
    said = _loaded(path)
    kept = _kept(trials.values())
    if not isinstance(said, dict) or not kept:
        yield Check(name=f"{BEST} can be read", holds=False)
        return
    best, named = kept[-1], parents_of(str(said.get("exp_id", "")))
    there = named[0][0] if named and named[0] else None
    yield Check(
        name="the best trial", holds=there == best.id, detail=f"{there} there, {best.id} here"
    )
    score = said.get(metric)
    if isinstance(score, int | float):
        holds = best.score is not None and abs(best.score - score) <= _NEAR
        yield Check(name=f"its {metric}", holds=holds, detail=f"{score} there, {best.score} here")
    if len(kept) > 1 and (delta := _number(said.get("delta_vs_prev"))) is not None:
        here = (best.score or 0.0) - (kept[-2].score or 0.0)
        yield Check(
            name="its step from the best before",
            holds=abs(here - delta) <= _NEAR,
            detail=f"{delta:+g} there, {here:+.6f} here",
        )


def _loaded(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


# ------------------------------------------------------------------------------- tree.tsv


def _against_tree(trials: Mapping[int, Trial], metric: str, path: Path) -> Iterator[Check]:
    there = dict(_tree(path))
    missing = sorted(there.keys() ^ trials.keys())
    yield _differing(f"the trials of {TREE}", missing)
    both = [(trials[number], row) for number, row in there.items() if number in trials]
    yield _differing("status", [t.id for t, row in both if row.get("status") != _status(t)])
    yield _differing("parent", [t.id for t, row in both if _parents(row) != t.submission.parents])
    deeper = [(t, row) for t, row in both if row.get("depth") != str(t.depth)]
    lost = bool(deeper) and all(_lost_parent(row) for _, row in deeper)
    why = "there their parents, written otherwise than ids, were not found" if lost else ""
    yield _differing("depth", [t.id for t, _ in deeper], why)
    yield _differing(metric, [t.id for t, row in both if not _same_score(t, row, metric)])
    keeps = Counter(r.get("specialist", "") for r in there.values() if r.get("status") == "keep")
    here = Counter(t.submission.specialist for t in trials.values() if t.status is Status.KEEP)
    told = ", ".join(f"{name} {count}" for name, count in sorted(here.items()))
    yield Check(name="keeps per specialist", holds=keeps == here, detail=told)


def _tree(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    header, *lines = text.split("\n")
    names = header.split("\t")
    for line in filter(None, lines):
        row = dict(zip(names, split(line), strict=False))
        if (found := parents_of(row.get("exp_id", ""))) and found[0]:
            yield found[0][0], row


def _status(trial: Trial) -> str:
    return "" if trial.status is None else str(trial.status.value)


def _parents(row: Mapping[str, str]) -> tuple[int, ...] | None:
    found = parents_of(row.get("parent_exp", ""))
    return None if found is None else found[0]


def _lost_parent(row: Mapping[str, str]) -> bool:
    """Whether the tree gives a trial a parent, and yet no place below it."""
    return row.get("depth") == "0" and not row.get("parent_exp", "").isdecimal()


def _same_score(trial: Trial, row: Mapping[str, str], metric: str) -> bool:
    """What must not rank stands there beside the scores, and here among the metrics."""
    there, here = _number(row.get(metric) or None), trial.score
    here = trial.metrics.get(metric) if here is None else here
    return there is here is None or (
        there is not None and here is not None and abs(there - here) <= _NEAR
    )


def _differing(name: str, trials: list[int], why: str = "") -> Check:
    named = ", ".join(map(str, trials[:_NAMED])) + (" …" if len(trials) > _NAMED else "")
    detail = f"{len(trials)} do not: {named}" if trials else ""
    return Check(name=name, holds=not trials, detail=detail, why=why if trials else "")
