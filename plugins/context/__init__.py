"""What every session is told of the run: where it stands, what was tried, what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autores import hookimpl
from autores.agent import Section, SessionBrief
from autores.config import SettingsBook
from autores.lineage.view import LineageView
from autores.plugins.context.knobs import knobs
from autores.plugins.context.misses import near_misses
from autores.plugins.context.rows import Rows
from autores.plugins.context.standing import saturation, standing, unused


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How much is told."""

    leaders: int = field(default=20, metadata={"help": "rows of the leaderboard"})
    path: int = field(default=20, metadata={"help": "steps of the path to the parent"})
    children: int = field(default=10, metadata={"help": "children of the parent"})
    recent: int = field(default=20, metadata={"help": "trials that finished last"})
    siblings: int = field(default=30, metadata={"help": "trials that are being measured now"})
    misses: int = field(default=6, metadata={"help": "trials that missed a limit by little"})
    knobs: int = field(
        default=100, metadata={"help": "trials from which crowded and untouched parts follow"}
    )
    saturation: int = field(
        default=5, metadata={"help": "a specialist's trials without effect that earn advice"}
    )


@hookimpl
def autores_context(
    view: LineageView, session: SessionBrief, settings: SettingsBook
) -> Iterable[Section]:
    """Sections in the order in which an agent wants to know, each within its own bytes."""
    own, rows = settings.of(Settings), Rows(view)
    parent = session.parent
    return (
        Section(title="Where the run stands", text=standing(view, settings.run), rank=10),
        Section(
            title="What the starting point leaves unused",
            text=unused(view, session),
            rank=15,
            cap=2 << 10,
        ),
        Section(
            title="Leaderboard",
            text=rows.table(view.leaderboard(own.leaders)),
            rank=20,
            cap=4 << 10,
        ),
        Section(
            title=f"Path to trial {parent}, newest first",
            text=rows.table(reversed(view.path(parent, own.path))),
            rank=30,
            cap=4 << 10,
        ),
        Section(
            title=f"What was tried from trial {parent}, newest first",
            text=rows.table(view.children(parent, own.children)),
            rank=40,
            cap=4 << 10,
        ),
        Section(
            title="What others are trying right now",
            text=rows.siblings(view.pending(own.siblings), view.active),
            rank=45,
            cap=3 << 10,
        ),
        Section(
            title="Recent activity, latest first",
            text=rows.table(view.recent(own.recent), notes=True),
            rank=50,
        ),
        Section(
            title="Near misses",
            text=near_misses(view, session, rows, own.misses),
            rank=55,
            cap=2 << 10,
        ),
        Section(
            title="Crowded and untouched parts",
            text=knobs(view, session, own.knobs),
            rank=60,
            cap=2 << 10,
        ),
        Section(
            title="Saturation", text=saturation(view, session, own.saturation), rank=70, cap=1 << 10
        ),
    )
