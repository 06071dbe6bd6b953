"""The real programs, where they are installed, against services that are played."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from autores.testing.fake_anthropic import KEY, Competent, FakeAnthropic
from autores.testing.runs import Opening, run_to_its_end

pytest.importorskip("mcp")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap"),
]


@pytest.mark.skipif(not shutil.which("claude"), reason="needs Claude Code")
def test_claude_code_is_a_specialist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with FakeAnthropic(Competent(prefix="mcp__autores__")) as api:
        opening = Opening.of(
            tmp_path / "runs",
            {"ANTHROPIC_API_KEY": KEY},
            agent="command",
            max_trials=2,
            give_up=1,
            agent__command__program="claude",
            agent__command__model="claude-opus-5-5",
            agent__command__env=f"ANTHROPIC_BASE_URL={api.url}",
            agent__command__writable=str(home),
            agent__command__limit="2m",
        )
        folder = asyncio.run(run_to_its_end(opening))
    for transcript in folder.sessions.glob("*.jsonl"):
        events = [json.loads(line) for line in transcript.read_text().splitlines()]
        told = {event["kind"]: event["content"] for event in events}
        assert told["program"]["exit"] == 0 and told["program"]["session"]
        assert told["program"]["turns"] > 3
        assert told["feedback"]["status"]
        assert KEY not in transcript.read_text()
