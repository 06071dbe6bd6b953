"""Ideas that came twice, and how far edits went."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from statistics import median

from autores.analysis.progress import named
from autores.records import Radius, Trial

_WORD = re.compile(r"[a-z_]{3,}|\d+(?:\.\d+)?")
_RARE = 4
"""Words by pairs of which two texts are brought together."""
_LOOKED_AT = 2
"""Others that a text is compared with for each such pair: there may be very many."""
_ALIKE = 0.7
"""Share of all words of two texts that both have, from which they say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Trials that say the same."""

    trials: tuple[int, ...]
    same_code: bool
    """They have the very same files, too."""
    hypothesis: str
    """Of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What became of edits of one size."""

    radius: str
    statuses: Mapping[str, int]
    best: float | None
    """Largest gain over the incumbent of its time."""
    median: float | None


def duplicates(trials: Iterable[Trial]) -> tuple[Duplicate, ...]:
    """Trials whose hypotheses share nearly all of their words, or whose code is equal."""
    known = [trial for trial in trials if trial.id]
    words = {trial.id: _words(trial) for trial in known}
    often = Counter(chain.from_iterable(words.values()))
    rank = {word: place for place, (word, _) in enumerate(reversed(often.most_common()))}
    firsts: dict[object, list[int]] = {}
    groups: dict[int, list[Trial]] = {}
    for trial in known:
        keys = list(_keys(trial, words[trial.id], rank))
        first = _first_alike(trial, keys, firsts, words)
        if first is None:
            for key in keys:
                firsts.setdefault(key, []).append(trial.id)
        groups.setdefault(trial.id if first is None else first, []).append(trial)
    return tuple(_duplicate(group) for group in groups.values() if len(group) > 1)


def _words(trial: Trial) -> frozenset[str]:
    return frozenset(_WORD.findall(trial.submission.hypothesis.lower()))


def _keys(trial: Trial, own: frozenset[str], rank: Mapping[str, int]) -> Iterator[object]:
    """Under which it meets what may be the same: its code, and pairs of its rarest words."""
    if trial.submission.tree:
        yield trial.submission.tree
    plain = [word for word in own if not word[0].isdigit()]
    yield from combinations(sorted(plain, key=rank.__getitem__)[:_RARE], 2)


def _first_alike(
    trial: Trial,
    keys: Iterable[object],
    firsts: Mapping[object, list[int]],
    words: Mapping[int, frozenset[str]],
) -> int | None:
    own = words[trial.id]
    for key in keys:
        for other in firsts.get(key, ())[:_LOOKED_AT]:
            if key == trial.submission.tree or _alike(words[other], own):
                return other
    return None


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    both = len(one & other)
    return both >= _ALIKE * (len(one) + len(other) - both)


def _duplicate(group: list[Trial]) -> Duplicate:
    trees = {trial.submission.tree for trial in group}
    return Duplicate(
        trials=tuple(trial.id for trial in group),
        same_code=len(trees) == 1 and "" not in trees,
        hypothesis=group[0].submission.hypothesis,
    )


def reaches(trials: Iterable[Trial]) -> tuple[Reach, ...]:
    """What became of edits, by how far they went, the smallest first."""
    found: dict[Radius, list[Trial]] = {radius: [] for radius in Radius}
    for trial in trials:
        if trial.submission.edit is not None:
            found[trial.submission.edit.radius].append(trial)
    return tuple(_reach(radius, own) for radius, own in found.items() if own)


def _reach(radius: Radius, trials: list[Trial]) -> Reach:
    statuses = Counter(named(trial.status) for trial in trials)
    gains = [trial.delta for trial in trials if trial.delta is not None]
    return Reach(
        radius=radius.value,
        statuses=dict(statuses.most_common()),
        best=max(gains, default=None),
        median=median(gains) if gains else None,
    )
