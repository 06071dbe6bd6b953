"""Print the best level of this machine; see `level_here`."""

from __future__ import annotations

from autores.evaluator.sandbox.selection import choose

if __name__ == "__main__":
    with choose() as sandbox:
        print(sandbox.level.value)
