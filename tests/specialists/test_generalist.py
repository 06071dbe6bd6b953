from __future__ import annotations

from autores.records import Radius
from autores.specialists import generalist
from autores.tasks.airbench import plugin
from autores.workspace.surfaces import owned_surfaces, unowned


def test_owns_every_surface_of_every_task() -> None:
    (specialist,) = generalist.autores_specialists()
    task = plugin.autores_task("cpu")
    assert (specialist.key, specialist.aliases) == ("generalist", ("all",))
    assert specialist.radius is Radius.STRUCTURAL
    assert owned_surfaces(task, specialist) == set(plugin.SURFACES)
    assert unowned(task, [specialist]) == ()
