"""Outcomes under a key that only the supervisor and the evaluator know."""

from __future__ import annotations

import hmac
from typing import Any

from autores.codec import canonical, from_json, strict_loads, to_json
from autores.records import Evaluation, Outcome

KEY_BYTES = 32


class BadSignature(Exception):
    """Not what the evaluator wrote for this evaluation."""


def key_name(evaluation: Evaluation) -> str:
    """What stands for an evaluation in the file of keys."""
    return f"{evaluation.id}#{evaluation.attempt}"


def sign(key: bytes, evaluation: Evaluation, tree: str, outcome: Outcome) -> bytes:
    """The text of a result: the outcome, what it is of, and a code over both."""
    content = _content(evaluation, tree, to_json(outcome))
    return canonical({"content": content, "hmac": _code(key, content)}) + b"\n"


def verify(text: bytes, key: bytes, evaluation: Evaluation, tree: str) -> Outcome:
    """The outcome of a result that was written for this evaluation, attempt and tree.

    Raises:
        BadSignature: It was not, or the text is damaged.
    """
    try:
        result = strict_loads(text)
        content, code = result["content"], result["hmac"]
        signed = isinstance(code, str) and hmac.compare_digest(code, _code(key, content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadSignature(f"not a result: {error}") from None
    if not signed:
        raise BadSignature("the code over the outcome is wrong")
    if content != _content(evaluation, tree, content["outcome"]):
        raise BadSignature(f"this is the result of {content['evaluation']!r}")
    return from_json(Outcome, content["outcome"])


def _content(evaluation: Evaluation, tree: str, outcome: Any) -> dict[str, Any]:
    return {
        "evaluation": evaluation.id,
        "attempt": evaluation.attempt,
        "commit": evaluation.commit,
        "tree": tree,
        "outcome": outcome,
    }


def _code(key: bytes, content: Any) -> str:
    return hmac.digest(key, canonical(content), "sha256").hex()
