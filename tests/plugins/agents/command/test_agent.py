from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autores import opening as opening_module
from autores.errors import UserError
from autores.gatekeeper import DirectGates
from autores.records import Cost
from autores.testing.runs import Opening, stage

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap")

SUBMIT = """
import asyncio, json, sys
from pathlib import Path
from autores.control import Pass, calling

async def main():
    known = Pass.read(Path(sys.argv[1]))
    async with calling(known.socket, {"token": known.token}) as caller:
        file = Path("fit.py")
        file.write_text(file.read_text().replace("rate = 0.05", "rate = 0.07"))
        print(await caller.call("submit_trial", {"hypothesis": "by a program"}), flush=True)
        print(await caller.call("wait_trial", {"trial": 1}), flush=True)

asyncio.run(main())
"""
OVER_MCP = """
import asyncio, json, sys
import mcp
from mcp.client.stdio import stdio_client

async def main():
    server = json.load(open(sys.argv[1]))["mcpServers"]["autores"]
    program = mcp.StdioServerParameters(command=server["command"], args=server["args"])
    async with mcp.Client(stdio_client(program)) as client:
        edit = {"path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.07"}
        for tool, arguments in (
            ("edit_file", edit), ("submit_trial", {"hypothesis": "over MCP"}),
            ("wait_trial", {"trial": 1}),
        ):
            print((await client.call_tool(tool, arguments)).content[0].text, flush=True)

asyncio.run(main())
"""
LOOK = """
import json, os, sys
from pathlib import Path

def reads(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1))
    except OSError:
        return False

def writes(path):
    try:
        open(path, "a").close()
        return True
    except OSError:
        return False

run, data, prompt = sys.argv[1:]
print(json.dumps({
    "run": any(map(reads, (run + "/run.toml", run + "/lineage.db", run + "/control.token"))),
    "others": os.listdir(Path(run).parent),
    "data": reads(data),
    "prompt": "Where the run stands" in open(prompt).read(),
    "workspace": writes("fit.py"),
    "python": writes(sys.executable) or writes(sys.prefix + "/new"),
    "etc": writes("/etc/new"),
    "keys": sorted(name for name in os.environ if "KEY" in name or "SECRET" in name),
    "pids": len([name for name in os.listdir("/proc") if name.isdigit()]),
}))
"""


@dataclass
class Played:
    """What was left of a session."""

    error: BaseException | None = None
    trials: int = 0
    spent: Cost = field(default_factory=Cost)
    events: list[dict[str, Any]] = field(default_factory=list)

    def recorded(self, kind: str) -> list[Any]:
        return [event["content"] for event in self.events if event["kind"] == kind]


Play = Callable[..., Played]


@pytest.fixture(autouse=True)
def quick_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening_module, "Gatekeeper", DirectGates)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Let a program of Python work in one session."""

    def played(code: str, *arguments: str, keys: dict[str, str] | None = None, **rest: Any) -> Any:
        argv = json.dumps([sys.executable, "-c", code, *arguments])
        settings = {f"agent__command__{name}": value for name, value in rest.items()}
        opening = Opening.of(
            tmp_path, keys, agent="command", **{"agent__command__argv": argv, **settings}
        )
        return asyncio.run(_session(opening))

    return played


async def _session(opening: Opening) -> Played:
    found = Played()
    async with stage(opening) as at:
        session = at.session("optim")
        try:
            await at.run.agent.run(session)
        except Exception as error:  # noqa: BLE001  whatever ends a session is looked at
            found.error = error
        await session.settled()
        session.close()
        head = at.run.store.head()
        found.spent, found.trials = head.spent, head.next_trial - 1
        text = at.run.folder.transcript(session.brief.id).read_text()
        found.events = [json.loads(line) for line in text.splitlines()]
    return found


def alive(word: str) -> list[int]:
    """Processes whose command line has a word in it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text(errors="replace"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def test_a_program_edits_files_and_submits(play: Play) -> None:
    found = play(SUBMIT, "{session_file}")
    assert found.error is None and found.trials == 1
    assert "submitted as trial 1" in found.recorded("output")[0]
    (feedback,) = found.recorded("feedback")
    assert feedback["submission"]["hypothesis"] == "by a program"
    assert found.recorded("program")[0]["exit"] == 0


def test_a_program_uses_the_tools_over_mcp(play: Play) -> None:
    pytest.importorskip("mcp")
    found = play(OVER_MCP, "{mcp_config}")
    assert found.error is None and found.trials == 1
    assert "over MCP" in found.recorded("feedback")[0]["submission"]["hypothesis"]


def test_a_program_sees_neither_runs_nor_data_nor_other_keys(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    keys = {"ANTHROPIC_API_KEY": "sk-ant-key", "OTHER_API_KEY": "sk-other"}
    run, data = tmp_path / "run", tmp_path / "data"
    found = play(LOOK, str(run), str(data), "{prompt_file}", keys=keys)
    (seen,) = found.recorded("output")
    pids = seen.pop("pids")
    assert seen == {
        "run": False, "others": ["run"], "data": False, "prompt": True, "workspace": True,
        "python": False, "etc": False, "keys": ["ANTHROPIC_API_KEY"],
    }  # fmt: skip
    assert pids < 6


def test_its_keys_are_struck_out_of_what_it_says(play: Play, tmp_path: Path) -> None:
    key = "sk-ant-printed-0123456789"
    said = "import os; print('my key is', os.environ['ANTHROPIC_API_KEY'])"
    found = play(said, keys={"ANTHROPIC_API_KEY": key})
    assert found.recorded("output") == ["my key is [key]"]
    left = (path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not any(key.encode() in data for data in left)


def test_a_program_that_fails_fails_its_session(play: Play) -> None:
    found = play("import sys; print('no such model'); sys.exit(3)")
    assert "the program submitted nothing: no such model" in str(found.error)
    assert found.recorded("program")[0]["exit"] == 3


ORPHANS = """
import os, subprocess, sys, time
for _ in range(3):
    subprocess.Popen(["sleep", "SECONDS"], start_new_session=True)
print("begun", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("sandbox", ["bubblewrap", "off"])
def test_a_program_that_takes_too_long_dies_with_all_its_children(play: Play, sandbox: str) -> None:
    begun = time.monotonic()
    mark = f"9{time.monotonic_ns()}"
    found = play(ORPHANS.replace("SECONDS", mark), limit="5s", sandbox=sandbox)
    assert found.recorded("output") == ["begun"]
    assert time.monotonic() - begun < 120
    assert not alive(mark)
    assert found.error is not None


TALKS = """
import json, sys, time
for number in range(10_000):
    usage = {"input_tokens": 10, "output_tokens": 5}
    message = {"id": "m" + str(number), "usage": usage}
    print(json.dumps({"type": "assistant", "message": message, "session_id": "abc"}), flush=True)
    time.sleep(0.05)
"""


def test_turns_are_counted_and_limited(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    from autores.plugins.agents.command import recipes
    from autores.plugins.agents.command.reading import ClaudeReader

    monkeypatch.setattr(recipes, "PlainReader", ClaudeReader)
    monkeypatch.setattr(recipes, "_reader_of", lambda word: ClaudeReader)
    found = play(TALKS, turns=5)
    (told,) = found.recorded("program")
    assert told["ended"] == "more than 5 turns" and told["session"] == "abc"
    assert 6 <= told["turns"] < 10_000
    assert found.spent.tokens == 15 * told["turns"]


def test_a_cancelled_session_leaves_nothing_running(tmp_path: Path) -> None:
    mark = f"8{time.monotonic_ns()}"
    argv = json.dumps([sys.executable, "-c", ORPHANS.replace("SECONDS", mark)])
    opening = Opening.of(tmp_path, agent="command", agent__command__argv=argv)

    async def whole() -> None:
        async with stage(opening) as at:
            session = at.session("optim")
            work = asyncio.ensure_future(at.run.agent.run(session))
            while not alive(mark):
                await asyncio.sleep(0.05)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            assert not alive(mark)

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"argv": ""}, "needs a program"),
        ({"argv": "", "program": "cluade"}, "unknown program 'cluade'; known: claude"),
        ({"argv": "[broken"}, "neither a JSON list nor words"),
        ({"argv": "x", "sandbox": "maybe"}, "bubblewrap or off"),
        ({"argv": "x", "env": "NAME"}, "is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    given = {f"agent__command__{name}": value for name, value in settings.items()}
    with pytest.raises(UserError, match=said):
        asyncio.run(_session(Opening.of(tmp_path, agent="command", **given)))
