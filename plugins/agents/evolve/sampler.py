"""Ask and tell: a sampler that suggests coordinates of knobs beside evolve's own candidates."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from random import Random
from typing import Any, Protocol

from autores.errors import UserError
from autores.plugins.agents.evolve.features import point_of
from autores.plugins.agents.evolve.history import Fate, Observation
from autores.plugins.agents.evolve.knobs import Knob
from autores.plugins.agents.evolve.model import Yardstick
from autores.plugins.agents.evolve.scales import FURTHEST

COUNT = 4
_MISSED = 0.5
"""Loss on top of the worst score for a trial that has none."""


class Sampler(Protocol):
    """Suggests coordinates by gene."""

    def suggest(
        self, knobs: Sequence[Knob], seen: Sequence[Observation], yard: Yardstick, seed: int
    ) -> list[Mapping[str, float]]:
        """A few points worth measuring."""
        ...


class LocalSampler:
    """Several knobs of the best trials at once, each moved a little."""

    def suggest(
        self, knobs: Sequence[Knob], seen: Sequence[Observation], yard: Yardstick, seed: int
    ) -> list[Mapping[str, float]]:
        """Around one of the best three."""
        random = Random(seed)
        scored = [o for o in seen if o.fate is Fate.MEASURED and o.score is not None]
        best = sorted(scored, key=lambda o: -yard.height(o.score or 0.0))[:3]
        numbers = [knob for knob in knobs if knob.scale is not None]
        if not best or not numbers:
            return []
        return [self._near(point_of(random.choice(best).genome), numbers, random)
                for _ in range(COUNT)]  # fmt: skip

    def _near(
        self, centre: Mapping[str, float], knobs: Sequence[Knob], random: Random
    ) -> dict[str, float]:
        chosen = random.sample(knobs, min(len(knobs), random.choice((1, 2, 2, 3))))
        return {
            k.gene: max(-FURTHEST, min(FURTHEST, centre.get(k.gene, 0.0) + random.gauss(0, 0.6)))
            for k in chosen
        }


class OptunaSampler:
    """Tree-structured Parzen estimators, in a process of their own."""

    def __init__(self) -> None:
        if find_spec("optuna") is None:
            raise UserError("sampler 'optuna' needs optuna; pip install 'autores[evolve]'")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "autores.plugins.agents.evolve.tpe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._one_at_a_time = threading.Lock()
        self.close = weakref.finalize(self, _end, self._process)

    def suggest(
        self, knobs: Sequence[Knob], seen: Sequence[Observation], yard: Yardstick, seed: int
    ) -> list[Mapping[str, float]]:
        """What its study of these knobs asks for."""
        request = request_of(knobs, seen, yard, seed)
        stdin, stdout = self._process.stdin, self._process.stdout
        if not request["genes"] or stdin is None or stdout is None:
            return []
        with self._one_at_a_time:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            return unversioned(json.loads(stdout.readline()))


def request_of(
    knobs: Sequence[Knob], seen: Sequence[Observation], yard: Yardstick, seed: int
) -> dict[str, Any]:
    """A line for the process; genes carry their kind, so that another kind is another knob."""
    versions = {k.gene: f"{k.gene}@{k.scale.kind.name}" for k in knobs if k.scale is not None}
    oldest_first = sorted(seen, key=lambda o: o.id)
    done = [o for o in oldest_first if o.fate is not Fate.PENDING]
    scores = [-yard.height(o.score) for o in done if o.score is not None]
    worst = max(scores, default=0.0) + _MISSED

    def versioned(trial: Observation) -> dict[str, float]:
        return {versions[g]: x for g, x in point_of(trial.genome).items() if g in versions}

    def loss(trial: Observation) -> float:
        ranked = trial.fate is Fate.MEASURED and trial.score is not None
        return -yard.height(trial.score) if ranked and trial.score is not None else worst

    return {
        "genes": sorted(versions.values()),
        "told": [(versioned(trial), loss(trial)) for trial in done],
        "pending": [versioned(o) for o in oldest_first if o.fate is Fate.PENDING],
        "seed": seed % 2**32,
        "count": COUNT,
    }


def unversioned(points: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The genes without their kinds."""
    return [{name.rpartition("@")[0]: x for name, x in point.items()} for point in points]


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def sampler_named(name: str) -> Sampler:
    """The sampler that a user asked for.

    Raises:
        UserError: There is none of that name, or it is not installed.
    """
    if name == "local":
        return LocalSampler()
    if name == "optuna":
        return OptunaSampler()
    raise UserError(f"sampler {name!r} is not known; say local or optuna")
