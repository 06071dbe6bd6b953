from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autores.agent import Exhausted
from autores.cli.diagnosis import doctor
from autores.config import Environment
from autores.errors import UserError
from autores.folder import RunFolder
from autores.lineage.store import Query
from autores.plugins.agents.anthropic import agent as module
from autores.reading import reading
from autores.testing.fake_anthropic import (
    KEY,
    Chaos,
    Competent,
    FakeAnthropic,
    Fault,
    Refusal,
    Reply,
    Request,
    scripted,
    text,
    thinking,
    tool_use,
)
from autores.testing.runs import play as whole_run

Play = Callable[..., Any]
SUBMIT = Reply(content=(tool_use("submit_trial", hypothesis="h"),))
EDIT = Reply(content=(tool_use("edit_file", path="fit.py", old="rate = 0.05", new="rate = 0.07"),))
WAIT = Reply(content=(tool_use("wait_trial", trial=1),))
BYE = Reply(content=(text("Bye."),))
WORK = (EDIT, SUBMIT, WAIT)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.02)


def used(found: Any) -> tuple[int, int, int, int]:
    spent = found.spent
    return (
        spent.input_tokens, spent.cache_write_tokens, spent.cache_read_tokens, spent.output_tokens
    )  # fmt: skip


def sent(found: Any) -> tuple[int, int, int, int]:
    usage = found.api.sent
    return (
        usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens,
        usage.output_tokens,
    )  # fmt: skip


def test_a_session_ends_when_its_submission_is_answered(play: Play) -> None:
    found = play(scripted(WORK))
    assert found.error is None
    assert found.trials == 1 and len(found.api.requests) == 3
    assert found.recorded("feedback")[0]["submission"]["hypothesis"] == "h"
    assert used(found) == sent(found)
    assert found.spent.dollars > 0


def test_what_is_stable_comes_first_and_is_read_from_the_cache(play: Play) -> None:
    found = play(scripted(WORK))
    first, second, third = (request.body for request in found.api.requests)
    assert first["tools"] == third["tools"] and first["system"] == third["system"]
    assert [part.get("cache_control") for part in first["system"]] == [
        {"type": "ephemeral", "ttl": "5m"}
    ] * 2
    assert second["messages"][0]["content"][0]["text"] == first["messages"][0]["content"][0]["text"]
    assert found.spent.cache_read_tokens > found.spent.cache_write_tokens
    assert found.spent.input_tokens == 0


def test_tools_that_look_run_together_and_others_alone(play: Play) -> None:
    many = Reply(
        content=(
            thinking("All at once."),
            tool_use("list_files"),
            tool_use("read_file", path="fit.py"),
            *EDIT.content,
            tool_use("diff"),
            *SUBMIT.content,
        )
    )
    found = play(scripted([many, WAIT]))
    last = found.api.requests[1].body["messages"]
    assert last[1]["content"][0] == thinking("All at once.")
    answers = [block["content"] for block in last[2]["content"]]
    assert "fit.py" in answers[0] and "rate = 0.05" in answers[1]
    assert "+rate = 0.07" in answers[3] and "submitted as trial 1" in answers[4]
    assert found.trials == 1


# ------------------------------------------------------------------------ stop reasons


def test_whoever_submits_nothing_is_asked_once_more(play: Play) -> None:
    found = play(scripted([BYE, BYE]))
    assert len(found.api.requests) == 2 and found.trials == 0
    assert "submitted nothing" in found.api.requests[1].body["messages"][-1]["content"][0]["text"]


def test_a_pause_is_sent_back_unchanged(play: Play) -> None:
    block = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
    paused = Reply(content=(block, text("So far.")), stop="pause_turn")
    found = play(scripted([paused, *WORK]), searches=3)
    said = found.api.requests[1].body["messages"][-1]
    assert said["role"] == "assistant" and [b["type"] for b in said["content"]] == [
        "server_tool_use",
        "text",
    ]
    tools = {tool["name"]: tool for tool in found.api.requests[0].body["tools"]}
    assert tools["web_search"]["max_uses"] == 3 and "web_fetch" not in tools


def test_an_answer_that_was_cut_runs_no_tool(play: Play) -> None:
    cut = replace(SUBMIT, content=(text("I will"), *SUBMIT.content), stop="max_tokens")
    found = play(scripted([cut, *WORK]))
    assert found.trials == 1 and len(found.api.requests) == 4
    last = found.api.requests[1].body["messages"]
    assert [block["type"] for block in last[1]["content"]] == ["text"]
    assert "cut off" in last[2]["content"][0]["text"]


def test_whoever_is_always_cut_is_given_up(play: Play) -> None:
    found = play(scripted([replace(BYE, stop="max_tokens")] * 9))
    assert "3 answers in a row" in str(found.error)
    assert len(found.api.requests) == 3


def test_a_refusal_is_recorded_and_not_argued_with(play: Play) -> None:
    refused = Reply(content=(), stop="refusal", details={"category": "cyber"})
    found = play(scripted([refused]))
    assert found.error is None and len(found.api.requests) == 1
    assert found.recorded("refused")


@pytest.mark.parametrize("how", ["limit", "stop", "refused"])
def test_a_session_that_grows_too_long_is_summed_up(play: Play, how: str) -> None:
    looks = [
        Reply(content=(text(f"Look {n}."), tool_use("read_file", path="fit.py"))) for n in (1, 2)
    ]
    long = Refusal(status=400, kind="invalid_request_error", message="prompt is too long: 2 > 1")
    full = replace(BYE, stop="model_context_window_exceeded")
    between: list[Any] = {"limit": [], "stop": [full], "refused": [long]}[how]
    answers = [EDIT, *looks, *between, SUBMIT, WAIT]
    found = play(scripted(answers), fold_at=2_000 if how == "limit" else 150_000)
    assert found.error is None and found.trials == 1
    assert found.recorded("folded")
    after = next(
        r.body["messages"] for r in found.api.requests[2:] if len(r.body["messages"]) == 1
    )[0]["content"][0]["text"]
    assert "summed up" in after and "+rate = 0.07" in after and "read_file(" in after
    assert "Where the run stands" in after and "Look 1." in after


def test_what_never_fits_is_given_up(play: Play) -> None:
    found = play(scripted(WORK), window=100)
    assert "still does not fit" in str(found.error)


def test_turns_are_limited(play: Play) -> None:
    looks = Reply(content=(tool_use("list_files"),))
    found = play(lambda request: looks, turns=4)
    assert len(found.api.requests) == 4
    assert found.recorded("ended") == ["after 4 answers"]


# ------------------------------------------------------------------------------ failure


@pytest.mark.parametrize("fault", Fault)
def test_a_turn_that_breaks_off_is_tried_whole_again(play: Play, fault: Fault) -> None:
    broken = replace(SUBMIT, fault=fault, after=3)
    found = play(scripted([EDIT, broken, broken, SUBMIT, WAIT]))
    assert found.error is None and found.trials == 1
    assert len(found.recorded("retry")) == 2
    assert used(found) == sent(found)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error"),
        (408, "timeout_error"), (502, "api_error"),
    ],
)  # fmt: skip
def test_an_overloaded_api_is_waited_for(play: Play, status: int, kind: str) -> None:
    busy = Refusal(status=status, kind=kind)
    found = play(scripted([busy, EDIT, busy, busy, SUBMIT, WAIT]))
    assert found.error is None and found.trials == 1
    assert len(found.recorded("retry")) == 3


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
def test_the_api_says_how_long_to_wait(play: Play, name: str) -> None:
    headers = {name: "0.4" if name == "retry-after" else "400"}
    found = play(scripted([Refusal(status=429, kind="rate_limit_error", headers=headers), *WORK]))
    (retry,) = found.recorded("retry")
    assert retry["in"] == 0.4


def test_an_outage_ends_at_its_limit_even_if_the_api_asks_for_days(play: Play) -> None:
    busy = Refusal(status=529, kind="overloaded_error", headers={"retry-after": "86400"})
    found = play(scripted([busy]), outage="2s")
    assert "has failed for 2s" in str(found.error) and len(found.api.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_what_will_never_work_is_not_tried_again(play: Play, status: int) -> None:
    found = play(scripted([Refusal(status=status, kind="invalid_request_error", message="no")]))
    assert "the API refuses" in str(found.error) and len(found.api.requests) == 1


def test_a_silent_stream_has_failed(play: Play) -> None:
    slow = replace(BYE, pause=0.6)
    found = play(scripted([slow, *WORK]), silence="0.2s")
    assert found.trials == 1 and len(found.recorded("retry")) == 1


def test_a_session_that_is_ended_pays_for_what_it_has_begun(play: Play) -> None:
    found = play(lambda request: replace(BYE, pause=0.3), ended_after=1.0)
    assert isinstance(found.error, TimeoutError)
    assert used(found) == sent(found) and found.spent.tokens > 1000


# -------------------------------------------------------------------------------- money


def test_a_session_stops_at_its_own_cap(play: Play) -> None:
    found = play(scripted(WORK), session_tokens=45_000)
    assert found.error is None and len(found.api.requests) < 3
    assert "a session may use 45,000 tokens" in found.recorded("ended")


def test_a_run_never_pays_more_than_its_cap(play: Play) -> None:
    found = play(scripted(WORK), run__max_dollars=0.69)
    assert isinstance(found.error, Exhausted)
    assert 0 < found.spent.dollars <= 0.69


def test_dollars_need_a_price(play: Play) -> None:
    with pytest.raises(UserError, match=r"price of model-x is not known: say -o"):
        play(scripted(WORK), run__max_dollars=1.0, model="model-x")


def test_a_price_may_be_said(play: Play) -> None:
    found = play(scripted(WORK), run__max_dollars=9.0, model="model-x", prices="model-x=1/2")
    assert found.spent.dollars > 0


def test_each_specialist_may_have_a_model_of_its_own(play: Play) -> None:
    own = "optim.model=claude-haiku-5-5,optim.effort=high,optim.thinking=2048,arch.model=x"
    body = play(scripted(WORK), specialist="optim", specialist_of=own).api.requests[0].body
    assert body["model"] == "claude-haiku-5-5"
    assert body["output_config"] == {"effort": "high"}
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}


# ------------------------------------------------------------------------------ secrets


def everything(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_key_is_nowhere_even_if_the_api_says_it(play: Play) -> None:
    leak = Reply(content=(text(f"Your key is {KEY}."), *EDIT.content))
    error = Refusal(status=500, kind="api_error", message=f"bad key {KEY}")
    found = play(scripted([error, leak, SUBMIT, WAIT]))
    assert found.trials == 1
    assert not any(KEY.encode() in data for data in everything(found.folder))


def test_a_wrong_key_is_refused_without_being_said(tmp_path: Path) -> None:
    wrong = "sk-ant-wrong-0123456789"
    with FakeAnthropic(scripted(WORK)) as api:
        settings = ["-o", f"agent.anthropic.base_url={api.url}"]
        environment = {"ANTHROPIC_API_KEY": wrong}
        result = CliRunner().invoke(doctor, ["--agent", "anthropic", *settings], env=environment)
    assert isinstance(result.exception, UserError)
    assert "AuthenticationError" in str(result.exception) and wrong not in str(result.exception)


def test_the_doctor_makes_one_tiny_call(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    with FakeAnthropic(scripted([BYE])) as api:
        options = [f"agent.anthropic.base_url={api.url}", f"agent.anthropic.key_file={file}"]
        arguments = [part for option in options for part in ("-o", option)]
        result = CliRunner().invoke(doctor, ["--agent", "anthropic", *arguments])
    assert result.exit_code == 0 and "answered in" in result.output
    assert len(api.requests) == 1 and api.requests[0].body["max_tokens"] == 16


# --------------------------------------------------------------------------- whole runs


def test_several_specialists_improve_a_recipe_over_http(tmp_path: Path) -> None:
    with FakeAnthropic(Chaos(Competent(), share=0.2, seed=3)) as api:
        played = whole_run(
            tmp_path,
            {"ANTHROPIC_API_KEY": KEY},
            arm="specialists",
            agent="anthropic",
            agent__anthropic__base_url=api.url,
            max_trials=9,
            sessions=3,
            submissions=2,
        )
    folder = RunFolder(played.root)
    transcripts = list(folder.sessions.glob("*.jsonl"))
    assert len(transcripts) >= 5 and not list(folder.open_sessions.iterdir())
    assert not any(KEY.encode() in data for data in everything(tmp_path))
    with reading(folder.root, Environment()) as run:
        spent = run.store.head().spent
        calls = [(t.submission.session, t.submission.call) for t in run.store.query(Query())]
    events = [json.loads(line) for path in transcripts for line in path.read_text().splitlines()]
    turns = [event["content"] for event in events if event["kind"] == "turn"]
    cut = sum(event["kind"] == "cut off" for event in events)
    # The last trial cuts the other sessions off: what the server has sent them then is not heard.
    assert cut < 3
    unheard = api.sent.prompt + api.sent.output_tokens - spent.tokens
    assert 0 <= unheard <= cut * 2 * max(sum(turn["usage"].values()) for turn in turns)
    assert len(calls) == len(set(calls))


def test_a_brain_may_be_any_function(play: Play) -> None:
    def brain(request: Request) -> Reply:
        return WORK[min(2, (len(request.messages) - 1) // 2)]

    assert play(brain).trials == 1
