"""Put plugins/, specialists/ and tasks/ inside the `autores` package.

They are top-level folders because that is where a newcomer looks for them, and part of
one import package because that is how they are used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("plugins", "specialists", "tasks")


class CustomBuildHook(BuildHookInterface):
    """Copy the folders into a wheel; link them for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run by hatchling before it collects files."""
        if version != "editable":
            for name in FOLDERS:
                build_data["force_include"][name] = f"autores/{name}"
            return
        for name in FOLDERS:
            link = Path(self.root, "core", "autores", name)
            if not link.is_symlink():  # a real folder here is a stale copy, and this fails on it
                link.symlink_to(Path("..", "..", name), target_is_directory=True)
