from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autores.evaluator.signing import BadSignature, key_name, sign, verify
from autores.records import Evaluation, Outcome, Purpose
from autores.status import Cause

KEY, OTHER_KEY, TREE = b"k" * 32, b"o" * 32, "a" * 40
EVALUATION = Evaluation(trial=17, ordinal=2, purpose=Purpose.FIRST, commit="c" * 40, seeds=(1,))


def _evaluation(**changes: object) -> Evaluation:
    fields = {"trial": 17, "ordinal": 2, "commit": "c" * 40, "attempt": 1, **changes}
    return Evaluation(purpose=Purpose.FIRST, seeds=(1,), **fields)  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_what_was_signed_is_read_back(score: float, detail: str) -> None:
    outcome = Outcome(cause=Cause.VALID, score=score, detail=detail)
    assert verify(sign(KEY, EVALUATION, TREE, outcome), KEY, EVALUATION, TREE) == outcome


@pytest.mark.parametrize(
    ("key", "evaluation", "tree"),
    [
        (OTHER_KEY, EVALUATION, TREE),
        (KEY, _evaluation(trial=18), TREE),
        (KEY, _evaluation(ordinal=3), TREE),
        (KEY, _evaluation(attempt=2), TREE),
        (KEY, _evaluation(commit="d" * 40), TREE),
        (KEY, EVALUATION, "b" * 40),
    ],
)
def test_a_result_is_valid_for_nothing_else(key: bytes, evaluation: Evaluation, tree: str) -> None:
    text = sign(KEY, EVALUATION, TREE, Outcome(cause=Cause.VALID, score=1.0))
    with pytest.raises(BadSignature):
        verify(text, key, evaluation, tree)


def _edited(score: float) -> bytes:
    result = json.loads(sign(KEY, EVALUATION, TREE, Outcome(cause=Cause.VALID, score=1.0)))
    result["content"]["outcome"]["score"] = score
    return json.dumps(result).encode()


@pytest.mark.parametrize(
    "text",
    [
        _edited(0.5),
        _edited(float("inf")),
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"content": {}, "hmac": 1}',
        b'{"content": {}, "content": {}, "hmac": ""}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_damaged_or_edited_result_is_refused(text: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(text, KEY, EVALUATION, TREE)


def test_attempts_have_keys_of_their_own() -> None:
    assert key_name(EVALUATION) == "17.2#1"
    assert key_name(_evaluation(attempt=2)) == "17.2#2"
