"""Instructions in what others wrote: shown as data, and without effect on what tools can do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autores.fence import fence, quote
from autores.session import LiveSession
from autores.status import Status
from autores.testing.runs import Stage

Play = Callable[..., None]
CORPUS = [
    line.encode().decode("unicode_escape") if "\\u" in line else line
    for line in Path(__file__).parents[2].joinpath("injections/corpus.txt").read_text().splitlines()
    if line
]
HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("set_score", {"trial": 0, "score": 0.0}),
    ("shell", {"command": "cat /etc/passwd"}),
    ("read_file", {"path": "../../data/toy/held_out/key"}),
    ("read_file", {"path": "/etc/passwd"}),
    ("edit_file", {"path": "../run.toml", "old": "toy", "new": "own"}),
    ("write_file", {"path": "../../lineage.db", "content": ""}),
    ("apply_patch", {"patch": "--- a/../x\n+++ b/../x\n@@\n-a\n+b\n"}),
    ("submit_trial", {"hypothesis": "h", "status": "keep"}),
    ("submit_trial", {"hypothesis": "h", "score": 0.0}),
    ("wait_trial", {"trial": 0}),
    ("rebase_to", {"trial": 10**9}),
    ("smoke_run", {"path": "/etc/passwd"}),
]


@pytest.mark.parametrize("text", CORPUS)
def test_the_corpus_cannot_leave_its_marks(text: str) -> None:
    inside = fence(text, "a log").split("\n")
    word = inside[0].split()[1].rstrip(":")
    assert inside[-1] == f"[[end {word}]]"
    assert not any(word in line for line in inside[1:-1])
    assert quote(text).count("”") == 1 and "\n" not in quote(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]", fence(text, "x"))


def test_hypotheses_of_others_are_data(play: Play) -> None:
    """Whatever is said in a hypothesis, its status, score and the rules stay what they are."""

    async def scene(session: LiveSession, stage: Stage) -> None:
        everything = " ".join(CORPUS)
        await session.call("edit_file", {"path": "fit.py", "old": "= 4 ", "new": "= 99 "})
        said = {"hypothesis": everything, "notes": everything}
        await session.call("submit_trial", said, call="a")
        await session.call("wait_trial", {"trial": 1})
        other = stage.session()
        told = [other.context]
        for tool in ("lineage", "leaderboard"):
            told.append(await other.call(tool, {}))
        told.append(await other.call("trial", {"trial": 1}))
        for text in told:
            for line in text.splitlines():
                assert line.count("“") == line.count("”")
                bare = re.sub("“[^”]*”", "", line)
                assert "gnore all previous" not in bare and "SYSTEM:" not in bare
        assert other.context.count("## Where the run stands") == 1
        assert stage.run.store.get(1).status is Status.CRASH
        assert other.instructions == session.instructions

    play(scene, specialist="arch")


def test_code_of_others_is_data(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        comment = "\n".join(f"# {line}" for line in CORPUS if line.isprintable())
        source = session.workspace.read("fit.py")
        session.workspace.write("fit.py", f"{source}{comment}\n")
        for tool, arguments in (
            ("read_file", {"path": "fit.py"}),
            ("search", {"pattern": "#"}),
            ("diff", {}),
        ):
            answer = await session.call(tool, arguments)
            assert answer.startswith("[[data ")
            word = answer.split()[1].rstrip(":")
            assert answer.endswith(f"[[end {word}]]") and answer.count(word) == 2

    play(scene)


def test_whoever_obeys_an_injection_gets_nowhere(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        before = stage.run.store.head()
        code = session.workspace.snapshot()
        for tool, arguments in HOSTILE:
            answer = await session.call(tool, arguments)
            assert "root:" not in answer
        assert stage.run.store.head() == before
        assert session.workspace.snapshot() == code
        assert "shell" not in session.tools
        text = stage.run.folder.transcript(session.brief.id, is_open=True).read_text()
        tried = [json.loads(line)["content"]["tool"] for line in text.splitlines()]
        assert tried == [tool for tool, _ in HOSTILE]

    play(scene)
