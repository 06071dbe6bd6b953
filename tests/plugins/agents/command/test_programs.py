"""The real programs, where they are installed, against services that are played."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autores.folder import RunFolder
from autores.testing.fake_anthropic import KEY, Competent, FakeAnthropic
from autores.testing.fake_responses import fake_responses
from autores.testing.runs import play

pytest.importorskip("mcp")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap"),
]

PROVIDER = """
model = "played"
model_provider = "played"
[model_providers.played]
name = "played"
base_url = "{url}"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""


@pytest.mark.skipif(not shutil.which("claude"), reason="needs Claude Code")
def test_claude_code_is_a_specialist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with FakeAnthropic(Competent(prefix="mcp__autores__")) as api:
        played = play(
            tmp_path / "runs",
            {"ANTHROPIC_API_KEY": KEY},
            arm="specialists",
            agent="command",
            max_trials=2,
            give_up=1,
            agent__command__program="claude",
            agent__command__model="claude-opus-5-5",
            agent__command__env=f"ANTHROPIC_BASE_URL={api.url}",
            agent__command__writable=str(home),
            agent__command__limit="2m",
        )
    for told, text in transcripts(played.root):
        assert told["program"]["exit"] == 0 and told["program"]["session"]
        assert told["program"]["turns"] > 3
        assert told["feedback"]["status"]
        assert KEY not in text


@pytest.mark.skipif(not shutil.which("codex"), reason="needs Codex")
def test_codex_is_a_specialist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    steps = (
        ("edit_file", {"path": "fit.py", "old": "degree = 4 ", "new": "degree = 5 "}),
        ("submit_trial", {"hypothesis": "by Codex"}),
        ("wait_trial", {"trial": 1}),
    )
    with fake_responses(steps, "mcp__autores") as url:
        (home / ".codex" / "config.toml").write_text(PROVIDER.format(url=url))
        played = play(
            tmp_path / "runs",
            {"OPENAI_API_KEY": "sk-played-0123456789"},
            arm="specialists",
            agent="command",
            specialists="arch",
            max_trials=1,
            give_up=1,
            agent__command__program="codex",
            agent__command__writable=str(home),
            agent__command__limit="2m",
        )
    ((told, text),) = transcripts(played.root)
    assert told["program"]["exit"] == 0 and told["program"]["session"]
    assert told["feedback"]["submission"]["hypothesis"] == "by Codex"
    assert "sk-played" not in text


def transcripts(root: Path) -> list[tuple[dict[str, Any], str]]:
    """The last of each kind of event, and the whole text, of each session."""
    found = []
    for path in RunFolder(root).sessions.glob("*.jsonl"):
        text = path.read_text()
        events = [json.loads(line) for line in text.splitlines()]
        found.append(({event["kind"]: event["content"] for event in events}, text))
    return found
