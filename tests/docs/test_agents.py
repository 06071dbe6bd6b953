"""The tool that the page on agents shows works as it says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autores.tools import Tool, use

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"


def test_the_tool_of_the_page_counts_lines() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), module)  # noqa: S102  it is our own page
    (tool,) = module["autores_tools"]()
    assert isinstance(tool, Tool) and tool.required == ("path",)
    context: Any = SimpleNamespace(workspace=SimpleNamespace(read=lambda path: "a\n\nb\n"))
    assert asyncio.run(use(tool, context, {"path": "x"})) == "3"
    assert asyncio.run(use(tool, context, {"path": "x", "blank": False})) == "2"
