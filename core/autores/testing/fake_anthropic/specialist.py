"""A small competent specialist: reads, changes a number, checks, submits, reacts.

It knows nothing but the conversation that it is sent, like any model.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autores.testing.fake_anthropic.exchange import Block, Reply, Request, text, thinking, tool_use

_LINE = re.compile(r"^ *\d+  (\s*(\w+) *= *)(\d+(?:\.\d+)?)(.*)$", re.MULTILINE)
_FILE = re.compile(r"editable.*  (\S+\.py)$", re.MULTILINE)
_NUMBER = re.compile(r"submitted as trial (\d+)")
_PROMPT = re.compile(r"/[^\s\"]*/prompt\.md")
PATIENT, THOUGHT_S = 60, 0.1
"""Messages after which a specialist no longer waits for its tools; seconds between events."""
MOST_EDITS = 12
_SMALLEST, _LARGEST = 0.4, 2.5
"""By which a number is multiplied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool, and what came back."""

    name: str
    arguments: Mapping[str, Any]
    answer: str


class Competent:
    """Answers every request with the next sensible step."""

    def __init__(self, *, pause: float = 0.0, thinks: bool = True, prefix: str = "") -> None:
        """Play a specialist.

        Args:
            pause: Seconds before each event of an answer.
            thinks: Whether it thinks before it speaks.
            prefix: Of the names of our tools, where a program offers them as its own.
        """
        self._pause = pause
        self._thinks = thinks
        self._prefix = prefix

    def __call__(self, request: Request) -> Reply:
        """The next step of this conversation."""
        known = {tool["name"] for tool in request.body.get("tools", ())}
        if self._prefix and f"{self._prefix}submit_trial" not in known:
            return _prepare(request)
        calls = [
            replace(call, name=call.name.removeprefix(self._prefix))
            for call in history(request.messages)
            if call.name.startswith(self._prefix)
        ]
        seed = json.dumps([request.body.get("system"), request.messages[0], len(calls)])
        content = tuple(map(self._named, _next(calls, random.Random(seed))))
        if self._thinks:
            content = (thinking(f"Step {len(calls)}."), *content)
        return Reply(content=content, pause=self._pause)

    def _named(self, block: Block) -> Block:
        is_call = block["type"] == "tool_use"
        return {**block, "name": self._prefix + block["name"]} if is_call else block


def _prepare(request: Request) -> Reply:
    """Read the task, as long as our tools are not there yet; a program may start them late."""
    found = _PROMPT.search(json.dumps(request.messages))
    reads = any(tool["name"] == "Read" for tool in request.body.get("tools", ()))
    if found and reads and len(request.messages) < PATIENT:
        return Reply(content=(tool_use("Read", file_path=found[0]),), pause=THOUGHT_S)
    return Reply(content=(text("ok"),))


def history(messages: Sequence[Mapping[str, Any]]) -> Iterator[Call]:
    """All calls that were answered, in order."""
    asked: dict[str, Block] = {}
    for message in messages:
        if isinstance(message["content"], str):
            continue
        for block in message["content"]:
            if block["type"] == "tool_use":
                asked[block["id"]] = block
            elif block["type"] == "tool_result" and block["tool_use_id"] in asked:
                use = asked[block["tool_use_id"]]
                yield Call(name=use["name"], arguments=use["input"], answer=_said(block))


def _said(block: Block) -> str:
    content = block.get("content") or ""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _next(calls: Sequence[Call], draw: random.Random) -> tuple[Block, ...]:
    last = calls[-1] if calls else None
    match last.name if last else "":
        case "":
            return text("First I look around."), tool_use("list_files"), tool_use("leaderboard")
        case "leaderboard" | "list_files":
            return (tool_use("read_file", path=_path(calls)),)
        case "read_file" | "undo_edits" | "rebase_to":
            return _edit(calls, draw)
        case "edit_file":
            return tool_use("check_legality"), tool_use("diff")
        case "check_legality" | "diff":
            return _submit(calls) if _is_legal(calls) else (tool_use("undo_edits"),)
        case "submit_trial":
            return _wait(calls[-1])
        case _:
            return _react(calls[-1])


def _path(calls: Sequence[Call]) -> str:
    found = (_FILE.search(call.answer) for call in reversed(calls) if call.name == "list_files")
    return next((match[1] for match in found if match), "train.py")


def _edit(calls: Sequence[Call], draw: random.Random) -> tuple[Block, ...]:
    """Another number for one of the lines that were read and do not belong to others."""
    read = next(call for call in reversed(calls) if call.name == "read_file")
    foreign = _foreign(calls)
    lines = [m for m in _LINE.finditer(read.answer) if "".join(m.group(1, 3, 4)) not in foreign]
    if not lines or sum(call.name == "edit_file" for call in calls) >= MOST_EDITS:
        return (text("I have nothing more to try."),)
    match = draw.choice(lines)
    value = float(match[3]) * draw.uniform(_SMALLEST, _LARGEST)
    new = f"{value:.4g}" if "." in match[3] else str(max(1, round(value)))
    arguments = {
        "path": read.arguments["path"],
        "old": "".join(match.group(1, 3, 4)),
        "new": f"{match[1]}{new}{match[4]}",
    }
    return text(f"I try {match[2]} = {new}."), tool_use("edit_file", **arguments)


def _foreign(calls: Sequence[Call]) -> set[str]:
    """Lines whose edit the gates have refused because they are another specialist's."""
    found: set[str] = set()
    old = ""
    for call in calls:
        if call.name == "edit_file":
            old = str(call.arguments.get("old"))
        elif call.name == "check_legality" and "scope:" in call.answer:
            found.add(old)
    return found


def _is_legal(calls: Sequence[Call]) -> bool:
    checked = next(call for call in reversed(calls) if call.name == "check_legality")
    return "refuse:" not in checked.answer


def _submit(calls: Sequence[Call]) -> tuple[Block, ...]:
    edit = next(call for call in reversed(calls) if call.name == "edit_file")
    old, new = edit.arguments["old"].strip(), edit.arguments["new"].strip()
    return (tool_use("submit_trial", hypothesis=f"{new} instead of {old}", notes="by hand"),)


def _wait(call: Call) -> tuple[Block, ...]:
    number = _NUMBER.search(call.answer)
    return (tool_use("wait_trial", trial=int(number[1])),) if number else (text(call.answer),)


def _react(call: Call) -> tuple[Block, ...]:
    if "still being measured" in call.answer:
        return (tool_use("wait_trial", **call.arguments),)
    if found := re.search(r"rebase_to\((\d+)\)", call.answer):
        return tool_use("rebase_to", trial=int(found[1])), tool_use("list_files")
    if "undo_edits" in call.answer:
        return (tool_use("undo_edits"),)
    return (text("Done."),)
