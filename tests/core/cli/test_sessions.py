from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autores.cli.sessions import mcp, session
from autores.control import Control
from autores.errors import UserError
from autores.session import LiveSession
from autores.testing.runs import Opening, stage


def sat(tmp_path: Path, said: str, *options: str) -> tuple[Any, list[str]]:
    """A person's session beside a run, with what they type; the result, and what was submitted."""
    seen: list[str] = []

    async def whole() -> Any:
        async with stage(Opening.of(tmp_path)) as at:

            async def host(specialist: str, agent: Any) -> None:
                found: LiveSession = at.session(specialist)
                source = found.workspace.read("fit.py")
                found.workspace.write("fit.py", source.replace("rate = 0.05", "rate = 0.07"))
                await agent.run(found)
                await found.settled()
                seen.extend(at.run.store.get(t).submission.hypothesis for t in found.submitted)

            control: Control = at.run.control
            control.host = host
            arguments = [str(tmp_path / "run"), "--as", "optim", *options]
            return await asyncio.to_thread(CliRunner().invoke, session, arguments, input=said)

    return asyncio.run(whole()), seen


def test_a_person_looks_checks_and_submits(tmp_path: Path) -> None:
    said = "d\nc\nt\ntrial trial=0\ns\nA higher rate\n"
    result, submitted = sat(tmp_path, said)
    assert result.exit_code == 0, result.output
    assert submitted == ["A higher rate"]
    for told in ("as optim", "autores mcp --session", "+rate = 0.07", "no objection", "baseline"):
        assert told in result.output
    assert "0001 | optim" in result.output and "end your turn" in result.output


def test_leaving_submits_nothing(tmp_path: Path) -> None:
    result, submitted = sat(tmp_path, "q\n")
    assert result.exit_code == 0 and submitted == []


def test_an_editor_is_opened_on_the_workspace(tmp_path: Path) -> None:
    result, _ = sat(tmp_path, "", "--editor", f"touch -d 2001-01-01 {tmp_path / 'opened'}")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "opened").exists()


def test_mcp_needs_a_file_of_a_session(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file of a session"):
        CliRunner().invoke(mcp, ["--session", str(tmp_path / "none")], catch_exceptions=False)
