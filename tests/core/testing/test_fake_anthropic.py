from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anthropic
import httpx2
import pytest

from autores.testing.fake_anthropic import (
    KEY,
    Chaos,
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

MODEL: Any = "claude-opus-5-5"
ASK: list[Any] = [{"role": "user", "content": "Say hello."}]
HELLO = Reply(content=(thinking("Hm."), text("Hello, world! " * 9), tool_use("wave", hand="left")))


def serve(*answers: Reply | Refusal) -> FakeAnthropic:
    return FakeAnthropic(scripted(answers))


def client(api: FakeAnthropic, **rest: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"base_url": api.url, "api_key": KEY, "max_retries": 0, **rest})


def streamed(api: FakeAnthropic, **rest: Any) -> anthropic.types.Message:
    with (
        client(api) as found,
        found.messages.stream(model=MODEL, max_tokens=99, messages=ASK, **rest) as stream,
    ):
        return stream.get_final_message()


def test_the_sdk_streams_what_a_brain_says() -> None:
    with serve(HELLO) as api:
        said = streamed(api)
        assert said.stop_reason == "tool_use"
        thought, words, call = said.content
        assert thought.type == "thinking" and thought.signature
        assert words.type == "text" and words.text == "Hello, world! " * 9
        assert call.type == "tool_use" and call.input == {"hand": "left"} and call.id
        assert api.sent.input_tokens == said.usage.input_tokens > 0
        assert api.sent.output_tokens == said.usage.output_tokens > 1


def test_without_streaming_the_same_is_said() -> None:
    with serve(HELLO) as api, client(api) as found:
        said = found.messages.create(model=MODEL, max_tokens=99, messages=ASK)
        assert [block.type for block in said.content] == ["thinking", "text", "tool_use"]
        assert api.sent.output_tokens == said.usage.output_tokens


def test_a_marked_prefix_is_read_from_the_cache() -> None:
    marked = [{"type": "text", "text": "rule " * 500, "cache_control": {"type": "ephemeral"}}]
    with serve(HELLO, HELLO) as api:
        first, second = (streamed(api, system=marked).usage for _ in range(2))
    assert first.cache_creation_input_tokens and not first.cache_read_input_tokens
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    assert second.input_tokens == first.input_tokens < 100


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.APIStatusError),
    ],
)
def test_refusals_are_the_sdks_errors(status: int, error: type[anthropic.APIStatusError]) -> None:
    refusal = Refusal(status=status, kind="x", headers={"retry-after": "7"})
    with serve(refusal) as api, pytest.raises(error) as caught:
        streamed(api)
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("fault", Fault)
def test_faults_break_streams_as_networks_do(fault: Fault) -> None:
    broken = replace(HELLO, fault=fault, after=4)
    with serve(broken) as api:
        if fault is Fault.NO_STOP:
            assert streamed(api).stop_reason is None
            return
        with pytest.raises((anthropic.APIError, httpx2.HTTPError, ValueError)):
            streamed(api)
        assert (api.sent.input_tokens > 0) == (fault is not Fault.NOTHING)
        assert api.sent.output_tokens <= 1


def test_a_wrong_key_is_refused() -> None:
    with (
        serve(HELLO) as api,
        client(api, api_key="sk-wrong") as found,
        pytest.raises(anthropic.AuthenticationError),
    ):
        found.messages.create(model=MODEL, max_tokens=9, messages=ASK)


CALL = {"type": "tool_use", "id": "a", "name": "wave", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "ok"}
MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "the first one must be the user's"),
        ([{"role": "assistant", "content": "a"}], "the first one must be the user's"),
        ([{"role": "user", "content": " "}], "non-whitespace"),
        ([*ASK, {"role": "assistant", "content": [CALL]}], "without tool_result"),
        ([*ASK, {"role": "user", "content": [RESULT]}], "unexpected tool_use_id a"),
        (
            [*ASK, {"role": "assistant", "content": [CALL]}, {"role": "user", "content": "so?"}],
            "0 tool_result blocks for a",
        ),
        (
            [*ASK, {"role": "assistant", "content": [{**thinking("a"), "signature": "b"}]}],
            "invalid signature",
        ),
        ([{"role": "user", "content": [{**text("a"), **MARK}] * 5}], "at most 4"),
    ],
)
def test_requests_without_manners_are_refused(messages: list[Any], said: str) -> None:
    with (
        serve(HELLO) as api,
        client(api) as found,
        pytest.raises(anthropic.BadRequestError, match=said),
    ):
        found.messages.create(model=MODEL, max_tokens=9, messages=messages)


def test_prompts_beyond_the_window_are_refused_and_tokens_counted() -> None:
    with FakeAnthropic(lambda request: HELLO, window=50) as api, client(api) as found:
        long: list[Any] = [{"role": "user", "content": "x" * 1000}]
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 25"):
            found.messages.create(model=MODEL, max_tokens=9, messages=long)
        assert found.messages.count_tokens(model=MODEL, messages=ASK).input_tokens > 0


def test_chaos_fails_its_share_in_every_way() -> None:
    def failures() -> Iterator[str]:
        chaos = Chaos(lambda request: HELLO, share=0.5, seed=1)
        for number in range(400):
            answer = chaos(Request(number=number, path="", headers={}, body={}))
            if isinstance(answer, Refusal):
                yield str(answer.status)
            elif answer.fault is not None:
                yield answer.fault.value

    found = list(failures())
    assert 150 < len(found) < 250
    assert set(found) == {"429", "529", "500", "503", "408", *(fault.value for fault in Fault)}
