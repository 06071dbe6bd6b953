from __future__ import annotations

import inspect
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autores import events, records
from autores.codec import canonical, from_json, strict_loads, to_json
from autores.evaluator.request import EvaluationRequest
from autores.events import BODIES, Evaluated
from autores.records import Cost, Metric, Outcome, Sample, Specialist
from autores.status import Cause

RECORDS = {
    kind: None
    for module in (records, events)
    for kind in vars(module).values()
    if inspect.isclass(kind) and is_dataclass(kind) and kind is not events.Event
}
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    SCALARS | FINITE,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
LEAVES = {Any: PLAIN, float: FINITE, int: st.integers(), str: st.text(max_size=8)}
LEAVES |= {bool: st.booleans(), types.NoneType: st.none()}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Whatever a field of this type may hold."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in LEAVES:
        return LEAVES[kind]
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values, arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(st.text(max_size=3), values(arguments[1]), max_size=2)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    return a(kind)


def a(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any record of a kind."""
    hints = get_type_hints(kind)
    drawn = {f.name: st.deferred(lambda n=f.name: values(hints[n])) for f in fields(kind)}
    if kind is Outcome:
        invalid = st.sampled_from([c for c in Cause if c is not Cause.VALID])
        valid = st.builds(kind, **drawn | {"cause": st.just(Cause.VALID), "score": FINITE})
        return valid | st.builds(kind, **drawn | {"cause": invalid, "score": st.none()})
    return st.builds(kind, **drawn)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_record_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(a(kind))
    text = canonical(to_json(record))
    assert from_json(kind, strict_loads(text)) == record
    assert canonical(to_json(from_json(kind, strict_loads(text)))) == text


def test_every_event_and_every_record_was_tested() -> None:
    assert set(BODIES.values()) < set(RECORDS)
    assert {Outcome, records.Task, records.Trial, events.Head} < set(RECORDS)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=a(EvaluationRequest))
def test_requests_to_the_evaluator_come_back_too(request: EvaluationRequest) -> None:
    assert from_json(EvaluationRequest, strict_loads(canonical(to_json(request)))) == request


def test_defaults_are_left_out() -> None:
    specialist = Specialist(key="optim", title="Optimizers", surfaces=("optimizer",))
    assert to_json(specialist) == {
        "key": "optim",
        "title": "Optimizers",
        "surfaces": ["optimizer"],
    }
    assert to_json(Cost(seconds=0)) == {"seconds": 0}  # an int is not the default 0.0


@settings(max_examples=50)
@given(PLAIN)
def test_canonical_text_is_one_text(data: Any) -> None:
    text = canonical(data)
    assert canonical(strict_loads(text)) == text
    assert text.isascii()


def test_canonical_text_has_sorted_keys_and_no_spaces() -> None:
    assert canonical({"b": [1, 2.5], "a": "ü"}) == b'{"a":"\\u00fc","b":[1,2.5]}'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"score": number})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "a": 2}', "duplicate key"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
    ],
)
def test_loose_json_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        strict_loads(text)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Metric, {"name": "loss"}),
        (Metric, {"name": "loss", "direction": "up"}),
        (Metric, {"name": "loss", "direction": "minimize", "colour": "red"}),
        (Sample, {"seed": 1.5, "score": 1.0}),
        (Sample, {"seed": True, "score": 1.0}),
        (Sample, {"seed": 1, "score": None}),
        (Sample, []),
        (Evaluated, {"trial": 1, "ordinal": 0, "outcome": {"cause": "valid"}}),
    ],
)
def test_data_that_do_not_fit_are_refused(kind: type[Any], data: Any) -> None:
    with pytest.raises(ValueError):
        from_json(kind, data)


def test_only_records_become_json() -> None:
    with pytest.raises(TypeError, match="object is not a record"):
        to_json(object())
