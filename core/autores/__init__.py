"""autores: auto research for training recipes.

What a plugin needs is here and in the public modules beside it: `autores.records`,
`autores.status`, `autores.events`, `autores.errors`, `autores.agent`, `autores.tools`,
`autores.moves`, `autores.turns`, `autores.executor`, `autores.statistics`,
`autores.scoring`, `autores.testing`.
"""

from __future__ import annotations

import pluggy

__all__ = ["__version__", "hookimpl"]
__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("autores")
"""Marks a function of a plugin as the implementation of the hook of its name."""
