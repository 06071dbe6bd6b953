from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autores.session import LiveSession
from autores.testing.runs import Stage

Play = Callable[..., None]
ALL = {
    "list_files", "read_file", "search", "diff", "edit_file", "apply_patch", "write_file",
    "undo_edits", "check_legality", "syntax_check", "smoke_run", "lineage", "leaderboard",
    "trial", "read_snapshot", "diff_snapshots", "rebase_to", "read_log", "submit_trial",
    "wait_trial",
}  # fmt: skip


def test_all_tools_are_there_sorted_and_described(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        assert set(session.tools) == ALL
        assert list(session.tools) == sorted(session.tools)
        for tool in session.tools.values():
            assert tool.description.endswith((".", "`"))
            assert all(known["description"] for known in tool.parameters.values())
            json.dumps(tool.schema)

    play(scene)


def test_a_specialist_reads_edits_checks_and_submits(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        assert "fit.py" in await session.call("list_files", {})
        text = await session.call("read_file", {"path": "fit.py"})
        assert "rate = 0.05" in text and text.startswith("[[data ")
        assert "fit.py" in await session.call("search", {"pattern": "rate"})
        edit = {"path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.1"}
        assert "1 place changed" in await session.call("edit_file", edit)
        assert "+rate = 0.1" in await session.call("diff", {})
        assert await session.call("check_legality", {}) == "the gates have no objection"
        assert await session.call("syntax_check", {}) == "all changed files are Python"
        why = {"hypothesis": "A higher rate learns faster", "expected_delta": "-0.01"}
        first = await session.call("submit_trial", why, call="one")
        assert "submitted as trial 1" in first
        assert await session.call("submit_trial", why, call="one") == first
        answer = await session.call("wait_trial", {"trial": 1})
        assert answer.startswith("0001 | optim |") and "end your turn" in answer
        assert "not submitted" in await session.call("submit_trial", why, call="two")
        assert stage.run.store.head().next_trial == 2
        assert stage.run.store.get(1).submission.expected_delta == -0.01

    play(scene, specialist="optim")


def test_what_another_did_is_taken_over_by_its_number(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        rate = {"path": "fit.py", "old": "rate = 0.05", "new": "rate = 0.1"}
        await session.call("edit_file", rate)
        await session.call("submit_trial", {"hypothesis": "A higher rate"}, call="one")
        await session.call("wait_trial", {"trial": 1})
        other = stage.session("arch", parent=0)
        await other.call("edit_file", rate)
        await other.call("edit_file", {"path": "fit.py", "old": "degree = 4", "new": "degree = 5"})
        assert "scope" in await other.call("check_legality", {})
        assert await other.call("check_legality", {"merges": [1]}) == "the gates have no objection"
        both = {"hypothesis": "Both", "merges": [1]}
        assert "submitted as trial 2" in await other.call("submit_trial", both, call="one")
        assert stage.run.store.get(2).submission.parents == (0, 1)
        await other.settled()

    play(scene, specialist="optim")


def test_what_cannot_be_done_is_the_answer(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        for tool, arguments, said in (
            ("nonsense", {}, "there is no tool 'nonsense'"),
            ("read_file", {}, "the argument 'path' is missing"),
            ("read_file", {"path": "../../etc/passwd"}, "path"),
            ("read_file", {"path": "fit.py", "first": 99}, "has lines 1 to"),
            ("edit_file", {"path": "fit.py", "old": "rate = .05", "new": ""}, "nearest place"),
            ("edit_file", {"path": "fit.py", "old": " ", "new": "x"}, "times, at lines"),
            ("edit_file", {"path": "fit.py", "old": "x", "new": "x"}, "nothing to do"),
            ("write_file", {"path": "new.py", "content": ""}, "not among the editable files"),
            ("search", {"pattern": "(", "is_regex": True}, "no regular expression"),
            ("trial", {"trial": 7}, "no trial 7"),
            ("wait_trial", {"trial": 0}, "was not submitted in this session"),
            ("lineage", {"status": "great"}, "there is no status"),
            ("lineage", {"order": "x"}, "say one of"),
            ("read_log", {"trial": 0, "phase": "x"}, "phases: train"),
            ("read_snapshot", {"trial": 0, "path": "x"}, "it has: fit.py"),
        ):
            answer = await session.call(tool, arguments)
            assert said in answer, (tool, answer)
        assert await session.call("diff", {}) == "nothing is changed"

    play(scene)


def test_the_lineage_can_be_asked(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        await session.call("edit_file", {"path": "fit.py", "old": "= 4 ", "new": "= 5 "})
        await session.call("submit_trial", {"hypothesis": "Five is more", "notes": "n"}, call="a")
        await session.call("wait_trial", {"trial": 1})
        other = stage.session()
        assert "Five is more" in await other.call("lineage", {"text": "five"})
        assert await other.call("lineage", {"text": "six"}) == "no trial is like that"
        assert "0000" in await other.call("leaderboard", {})
        told = await other.call("trial", {"trial": 1})
        assert "parents: 0" in told and "look 0 (first)" in told and "edit: literal" in told
        assert "-degree = 4" in await other.call("diff_snapshots", {"old": 0, "new": 1})
        assert "\nfit.py\n" in await other.call("read_snapshot", {"trial": 1})
        code = await other.call("read_snapshot", {"trial": 1, "path": "fit.py"})
        assert "degree = 5" in code
        assert "log of trial 1, train" in await other.call("read_log", {"trial": 1})
        assert "no edits, no conflict" in await other.call("rebase_to", {"trial": 1})

    play(scene, specialist="arch")


def test_without_lineage_tools_show_nothing_of_others(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        await session.call("edit_file", {"path": "fit.py", "old": "= 4 ", "new": "= 40 "})
        await session.call("submit_trial", {"hypothesis": "secret idea"}, call="a")
        await session.call("wait_trial", {"trial": 1})
        other = stage.session("reg", parent=0)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("lineage", {}), ("leaderboard", {}), ("trial", {"trial": 1}),
            ("read_snapshot", {"trial": 1}), ("diff_snapshots", {"old": 0, "new": 1}),
            ("rebase_to", {"trial": 1}), ("read_log", {"trial": 1}),
        ]  # fmt: skip
        for tool, arguments in calls:
            answer = await other.call(tool, arguments)
            assert "secret" not in answer and "= 40" not in answer and "0001" not in answer
        assert "secret" not in other.context

    play(scene, specialist="arch", lineage=False)


def test_long_answers_are_cut_with_a_note(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        source = session.workspace.read("fit.py")
        session.workspace.write("fit.py", source + "# padding\n" * 4000)
        answer = await session.call("read_file", {"path": "fit.py"})
        assert len(answer.encode()) <= 16 << 10
        assert "give `first` and `last`" in answer

    play(scene)


def test_a_shell_only_where_it_was_asked_for(play: Play) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        assert "shell" in session.tools

    play(scene, tools__shell=True)


@pytest.mark.parametrize("end", ["", "\n"])
def test_patches_apply_whole_or_not_at_all(play: Play, end: str) -> None:
    async def scene(session: LiveSession, stage: Stage) -> None:
        head = "--- a/fit.py\n+++ b/fit.py\n"
        first = "@@ -3,1 +3,1 @@\n-degree = 4  # of the polynomial\n+degree = 5\n"
        wrong = "@@\n-nothing like this\n+x\n"
        answer = await session.call("apply_patch", {"patch": head + first + wrong})
        assert "hunk 2: its lines do not stand there" in answer
        assert await session.call("diff", {}) == "nothing is changed"
        answer = await session.call("apply_patch", {"patch": (head + first).rstrip("\n") + end})
        assert answer == "changed: fit.py"
        assert "degree = 5" in session.workspace.read("fit.py")
        assert await session.call("undo_edits", {}) == "all files are as they were"

    play(scene)
