"""What each attack came to at each level, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from attack_catalogue import Attack
from attack_ground import Ran
from benchmarks.report import Machine

from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.bubblewrap import Bubblewrap
from autores.evaluator.sandbox.none import Unconfined
from autores.evaluator.sandbox.partial import Restricted, Staged

KINDS: dict[str, type[HostSandbox]] = {
    "full": Bubblewrap,
    "partial (staged)": Staged,
    "partial (restricted)": Restricted,
    "none": Unconfined,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attack at one level."""

    layer: str
    attack: str
    title: str
    level: str
    result: str
    held: bool
    detail: str


@dataclass
class Table:
    """Filled while the tests run."""

    rows: list[Row] = field(default_factory=list)

    def add(self, attack: Attack, level: str, ran: Ran) -> None:
        """Note what came of an attack."""
        detail = "; ".join(ran.breaches) or ran.outcome.detail
        self._add(attack.layer, attack.name, attack.title, level, ran.word, detail[:300])

    def add_other(self, layer: str, name: str, result: str) -> None:
        """Note what came of an attack that meets no sandbox."""
        self._add(layer, name, name, "any", result, "")

    def add_at(self, layer: str, name: str, level: str, result: str, detail: str) -> None:
        """Note what came of an attack on another task, at a level."""
        self._add(layer, name, name, level, result, detail[:300])

    def _add(
        self, layer: str, attack: str, title: str, level: str, result: str, detail: str
    ) -> None:
        held = result.startswith(("honest", "stopped", "time is"))
        self.rows.append(
            Row(
                layer=layer,
                attack=attack,
                title=title,
                level=level,
                result=result,
                held=held,
                detail=detail,
            )
        )

    def render(self) -> str:
        """Attack by level."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        levels = list(dict.fromkeys(row.level for row in self.rows))
        cells = {(row.layer, row.attack, row.level): row.result for row in self.rows}
        names = list(dict.fromkeys((row.layer, row.attack) for row in self.rows))
        widths = [
            max(len(level), *(len(cells.get((*name, level), "")) for name in names))
            for level in levels
        ]
        wide = max((len(f"{layer}/{name}") for layer, name in names), default=0)

        def line(first: str, rest: list[str]) -> str:
            padded = (cell.ljust(width) for cell, width in zip(rest, widths, strict=True))
            return "  ".join([first.ljust(wide), *padded]).rstrip()

        yield line("attack", levels)
        for layer, name in names:
            row = [cells.get((layer, name, level), "") for level in levels]
            yield line(f"{layer}/{name}", row)
        yield ""
        tried, held = (
            Counter(r.level for r in self.rows),
            Counter(r.level for r in self.rows if r.held),
        )
        yield "; ".join(f"{level}: {held[level]} of {tried[level]} held" for level in levels)

    def to_json(self) -> dict[str, Any]:
        """The same facts for programs."""
        return {
            "title": "attacks by level",
            "machine": asdict(Machine.here()),
            "rows": [asdict(row) for row in self.rows],
        }
