"""What the pages tell people to type and to write is there, and parses."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from autores.cli.group import autores

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("tasks/*/README.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


class Snippet(NamedTuple):
    page: str
    language: str
    text: str


SNIPPETS = [
    Snippet(str(page.relative_to(ROOT)), *found)
    for page in PAGES
    for found in BLOCK.findall(page.read_text(encoding="utf-8"))
]
COMMANDS = sorted(
    {
        (s.page, line.partition("#")[0].strip())
        for s in SNIPPETS
        if s.language in ("", "sh", "console")
        for line in s.text.splitlines()
        if line.startswith(("autores ", "make "))
    }
)


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if s.language == "python"])
def test_python_parses(snippet: Snippet) -> None:
    ast.parse(snippet.text)


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_commands_and_their_options_exist(page: str, command: str) -> None:
    program, *words = shlex.split(command)
    if program == "make":
        assert set(words) <= TARGETS, page
        return
    arguments = [word for word in words if word not in ("…", "...")]
    with pytest.raises(click.exceptions.Exit) as ended:
        autores.main([*arguments, "--help"], standalone_mode=False, prog_name="autores")
        raise click.exceptions.Exit(0)
    assert ended.value.exit_code == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
