"""One reading of a lineage, from which every view is made.

`read` gives the whole run as a `Story`, once, in time linear in its trials: for reports,
exports and analyses. `Moment` is kept up to date event by event and costs the same however
long the run is: for what is shown while it goes on.

    from autores.readmodel import read

    story = read(store, task)
    for change in story.bests:
        print(change.trial, change.score)
"""

from __future__ import annotations

from autores.readmodel.claims import LeftOut, Simpler
from autores.readmodel.foresight import Foresight
from autores.readmodel.groups import Group, Repair
from autores.readmodel.moment import Doing, Moment, Now
from autores.readmodel.reader import read
from autores.readmodel.story import Chain, Change, Conditions, Story

__all__ = [
    "Chain",
    "Change",
    "Conditions",
    "Doing",
    "Foresight",
    "Group",
    "LeftOut",
    "Moment",
    "Now",
    "Repair",
    "Simpler",
    "Story",
    "read",
]
