"""`python -m autores` is `autores`."""

from __future__ import annotations

from autores.cli import main

main()
