"""A process that keeps optuna studies in memory and answers one line of JSON with another.

    python -m autores.plugins.agents.evolve.tpe

There is no second storage: studies are fed from the lineage, and built again when what they
were told no longer agrees with it. The process ends with its input.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from autores.plugins.agents.evolve.scales import FURTHEST

Point = Mapping[str, float]
MOST_TOLD = 500
_STARTUP = 8
"""Points that are drawn at random before the sampler models anything."""


class Studies:
    """One study for each set of knobs, since a specialist searches its own."""

    def __init__(self, *, reach: float = FURTHEST) -> None:
        """Begin with none.

        Args:
            reach: How far points may lie from the seed recipe's values.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._reach = reach
        self._studies: dict[tuple[str, ...], tuple[Any, list[Any]]] = {}

    def suggest(
        self,
        genes: Sequence[str],
        told: Sequence[tuple[Point, float]],
        pending: Sequence[Point],
        seed: int,
        count: int,
    ) -> list[dict[str, float]]:
        """Points to measure.

        Args:
            genes: The knobs, with their kinds.
            told: Coordinates and losses, oldest first.
            pending: Coordinates of what is being measured.
            seed: Of the sampler.
            count: How many points.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several options of the sampler are experimental
            study = self._fed(tuple(genes), [*told][-MOST_TOLD:])
            sampler = self._optuna.samplers.TPESampler(
                seed=seed, multivariate=True, constant_liar=True, n_startup_trials=_STARTUP
            )
            space = self._space(genes)
            asked = self._optuna.create_study(sampler=sampler)
            asked.add_trials(study.get_trials(deepcopy=False))
            running = self._optuna.trial.TrialState.RUNNING
            asked.add_trials([self._trial(genes, point, None, running) for point in pending])
            return [dict(asked.ask(space).params) for _ in range(count)]

    def _fed(self, genes: tuple[str, ...], told: list[tuple[Point, float]]) -> Any:
        study, known = self._studies.get(genes, (None, []))
        if study is None or told[: len(known)] != known:
            study, known = self._optuna.create_study(), []
        complete = self._optuna.trial.TrialState.COMPLETE
        study.add_trials([self._trial(genes, p, loss, complete) for p, loss in told[len(known) :]])
        self._studies[genes] = study, told
        return study

    def _space(self, genes: Sequence[str]) -> dict[str, Any]:
        reach = self._optuna.distributions.FloatDistribution(-self._reach, self._reach)
        return dict.fromkeys(genes, reach)

    def _trial(self, genes: Sequence[str], point: Point, loss: float | None, state: Any) -> Any:
        within = {g: max(-self._reach, min(self._reach, point.get(g, 0.0))) for g in genes}
        return self._optuna.trial.create_trial(
            params=within, distributions=self._space(genes), value=loss, state=state
        )


def main() -> None:
    """Answer until the input ends."""
    studies = Studies()
    for line in sys.stdin:
        asked = json.loads(line)
        told = [(point, loss) for point, loss in asked.pop("told")]
        print(json.dumps(studies.suggest(told=told, **asked)), flush=True)


if __name__ == "__main__":
    main()
