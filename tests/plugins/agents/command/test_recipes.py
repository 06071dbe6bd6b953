from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from autores.errors import UserError
from autores.plugins.agents.command.reading import ClaudeReader, CodexReader, PlainReader
from autores.plugins.agents.command.recipes import Place, Program, program
from autores.plugins.agents.command.settings import Settings
from autores.records import Cost

CLAUDE = [
    {"type": "system", "subtype": "init", "session_id": "s-1"},
    {"type": "assistant", "session_id": "s-1", "message": {"id": "a", "usage": {
        "input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 100}}},
    {"type": "assistant", "session_id": "s-1", "message": {"id": "a", "usage": {
        "input_tokens": 3, "output_tokens": 9, "cache_read_input_tokens": 100}}},
    {"type": "assistant", "session_id": "s-1", "message": {"id": "b", "usage": {
        "input_tokens": 4, "output_tokens": 2, "cache_creation_input_tokens": 7}}},
]  # fmt: skip
RESULT = {
    "type": "result", "subtype": "success", "is_error": False, "num_turns": 3,
    "session_id": "s-1", "total_cost_usd": 0.25,
    "usage": {"input_tokens": 7, "output_tokens": 11, "cache_read_input_tokens": 100,
              "cache_creation_input_tokens": 7},
}  # fmt: skip
CODEX = [
    {"type": "thread.started", "thread_id": "t-1"},
    {"type": "item.started", "item": {"type": "mcp_tool_call"}},
    {"type": "item.completed", "item": {"type": "mcp_tool_call"}},
    {"type": "item.completed", "item": {"type": "agent_message"}},
    {"type": "turn.completed", "usage": {
        "input_tokens": 50, "cached_input_tokens": 40, "output_tokens": 6}},
]  # fmt: skip


def fed(reader: PlainReader, *said: object) -> PlainReader:
    for line in said:
        reader.feed(line if isinstance(line, str) else json.dumps(line))
    return reader


def test_claude_messages_add_up_and_the_result_says_all() -> None:
    reader = fed(ClaudeReader(), *CLAUDE)
    assert (reader.session, reader.turns) == ("s-1", 2)
    assert reader.cost == Cost(
        input_tokens=7, output_tokens=11, cache_read_tokens=100, cache_write_tokens=7
    )
    fed(reader, RESULT)
    assert reader.turns == 3 and reader.cost.dollars == 0.25 and reader.cost.tokens == 125
    assert reader.error == ""
    assert fed(ClaudeReader(), {**RESULT, "is_error": True, "result": "no"}).error == "no"


def test_codex_counts_items_and_cached_tokens_once() -> None:
    reader = fed(CodexReader(), *CODEX)
    assert (reader.session, reader.turns) == ("t-1", 2)
    assert reader.cost == Cost(input_tokens=10, output_tokens=6, cache_read_tokens=40)
    failed = {"type": "turn.failed", "error": {"message": "quota"}}
    assert fed(CodexReader(), failed).error == "quota"


@pytest.mark.parametrize("reader", [PlainReader, ClaudeReader, CodexReader])
@pytest.mark.parametrize(
    "line",
    ["", "words", "[]", "null", "{", '{"type": 3}', '{"type": "assistant"}',
     '{"type": "assistant", "message": []}', '{"type": "result", "usage": "many"}',
     '{"type": "turn.completed"}', '{"type": "result", "total_cost_usd": "free"}',
     '{"type": "result", "usage": {"input_tokens": -5}}'],
)  # fmt: skip
def test_no_line_is_too_strange(reader: type[PlainReader], line: str) -> None:
    found = fed(reader(), line)
    assert found.cost == Cost()


def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / "place")


def test_claude_is_called_without_login_only_where_there_is_a_key(tmp_path: Path) -> None:
    settings = Settings(program="claude", model="m", dollars=2.5)
    bare = program(settings, ["ANTHROPIC_API_KEY"], boxed=True).argv(place(tmp_path), settings)
    login = program(settings, [], boxed=True).argv(place(tmp_path), settings)
    assert "--bare" in bare and "--bare" not in login
    assert bare[bare.index("--max-budget-usd") + 1] == "2.5"
    assert bare[bare.index("--mcp-config") + 1] == str(tmp_path / "mcp.json")
    assert str(tmp_path / "prompt.md") in bare[2]


def test_codex_is_told_of_our_server_in_toml(tmp_path: Path) -> None:
    settings = Settings(program="codex")
    argv = program(settings, [], boxed=True).argv(place(tmp_path), settings)
    overrides = [argv[n + 1] for n, word in enumerate(argv) if word == "-c"]
    told = tomllib.loads("\n".join(overrides))
    server = told["mcp_servers"]["autores"]
    assert server["args"][:3] == ["-m", "autores", "mcp"]
    assert server["default_tools_approval_mode"] == "approve"
    assert told["approval_policy"] == "never"
    assert argv[argv.index("-s") + 1] == "danger-full-access"
    unboxed = program(settings, [], boxed=False).argv(place(tmp_path), settings)
    assert unboxed[unboxed.index("-s") + 1] == "workspace-write"


def test_braces_of_json_are_no_placeholders(tmp_path: Path) -> None:
    found = Program(words=("x", '{"a": "{model}"}', "{workspace}/y", "{"))
    argv = found.argv(place(tmp_path), Settings(model="m"))
    assert argv == ["x", '{"a": "m"}', f"{tmp_path}/place/y", "{"]
    with pytest.raises(UserError, match=r"names \{nothing\}; there are: prompt_file"):
        Program(words=("{nothing}",)).argv(place(tmp_path), Settings())


@pytest.mark.parametrize("said", ['["a", "b c"]', "a 'b c'", "['a', 'b c']"])
def test_words_may_be_json_or_shell_or_toml(said: str) -> None:
    assert Settings(argv=said).words == ("a", "b c")
