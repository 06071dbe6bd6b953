"""Which paths a glob means: `*` and `?` stay inside a folder, `**` crosses folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from autores.records import Recipe

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_MEANING = {"**/": "(?:.+/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(path: str, glob: str) -> bool:
    """Whether the whole path is what the glob means; `**/*.py` also means `train.py`."""
    return _pattern(glob).fullmatch(path) is not None


def matches_any(path: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs means the path."""
    return any(matches(path, glob) for glob in globs)


def is_editable(recipe: Recipe, path: str) -> bool:
    """Whether an agent may change this file: editable, and not protected."""
    return matches_any(path, recipe.editable) and not matches_any(path, recipe.protected)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile("".join(map(_translate, _TOKEN.findall(glob))), re.DOTALL)


def _translate(token: str) -> str:
    if token in _MEANING:
        return _MEANING[token]
    if len(token) > 2 and token[0] == "[":
        inside = token[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return re.escape(token)
