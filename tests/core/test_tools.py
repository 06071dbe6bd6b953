from __future__ import annotations

import asyncio
import inspect
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.tools import Tool, ToolContext, ToolRefused, capped, checked, tool, use

NOBODY: Any = None


@tool(narrow="Ask for one.")
async def count(
    context: ToolContext,
    word: str,
    times: int = 1,
    how: Literal["up", "down"] = "up",
    marks: tuple[int, ...] = (),
    share: float | None = None,
) -> str:
    """Say a word some times.

    It says it well.

    Args:
        word: What is said,
            whatever it is.
        times: How often.
        how: The direction.
        marks: Numbers.
        share: Of what.
    """
    if word == "boom":
        raise KeyError(word)
    return "\n".join([f"{word} {how} {marks} {share}"] * times)


def ask(given: dict[str, Any], found: Tool = count) -> str:
    return asyncio.run(use(found, NOBODY, given))


def test_signature_and_docstring_are_the_schema() -> None:
    assert count.name == "count"
    assert count.description == "Say a word some times.\n\nIt says it well."
    assert count.schema == {
        "type": "object",
        "properties": {
            "word": {"type": "string", "description": "What is said, whatever it is."},
            "times": {"type": "integer", "description": "How often.", "default": 1},
            "how": {
                "type": "string",
                "enum": ["up", "down"],
                "description": "The direction.",
                "default": "up",
            },
            "marks": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "Numbers.",
                "default": [],
            },
            "share": {"type": "number", "description": "Of what."},
        },
        "required": ["word"],
        "additionalProperties": False,
    }


def test_numbers_may_be_text() -> None:
    assert (
        ask({"word": "a", "times": "2", "marks": ["1"], "share": "0.5"})
        == "a up (1,) 0.5\n" * (1) + "a up (1,) 0.5"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "'word' is missing"),
        ({"word": "a", "wrod": 1}, "no argument 'wrod'; there are: word, times"),
        ({"word": 3}, "say it as text"),
        ({"word": "a", "times": 1.5}, "whole number"),
        ({"word": "a", "times": "1e999"}, "whole number"),
        ({"word": "a", "times": True}, "say a number"),
        ({"word": "a", "how": "sideways"}, "say one of: up, down"),
        ({"word": "boom"}, "count failed: KeyError"),
    ],
)
def test_errors_are_answers(given: dict[str, Any], said: str) -> None:
    assert said in ask(given)


@given(
    st.dictionaries(
        st.sampled_from(["word", "times", "how", "marks", "share", "other"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_whatever_a_model_says_arguments_fit_or_are_refused(said: dict[str, Any]) -> None:
    async def body(
        context: ToolContext, word: str, times: int = 1, how: Literal["up"] = "up"
    ) -> str: ...

    parameters = dict(list(inspect.signature(body, eval_str=True).parameters.items())[1:])
    try:
        found = checked(parameters, said)
    except ToolRefused as error:
        assert str(error)
        return
    assert isinstance(found["word"], str)
    assert type(found.get("times", 1)) is int
    assert found.get("how", "up") == "up"


def test_an_argument_that_is_not_described_is_an_error_of_the_author() -> None:
    with pytest.raises(TypeError, match="describe 'word'"):

        @tool()
        async def bad(context: ToolContext, word: str) -> str:
            """Nothing."""
            return word


def test_what_json_cannot_say_is_an_error_of_the_author() -> None:
    with pytest.raises(TypeError, match="cannot be"):

        @tool()
        async def bad(context: ToolContext, word: bytes) -> str:
            """Nothing.

            Args:
                word: Bytes.
            """
            return str(word)


@given(st.text(max_size=3000), st.integers(200, 2000))
def test_no_answer_is_longer_than_its_cap(text: str, most: int) -> None:
    shown = capped(text, "Ask for one.", most)
    assert len(shown.encode(errors="backslashreplace")) <= most
    assert shown == text or "Ask for one." in shown
