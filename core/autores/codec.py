"""Records to JSON and back, exactly, and the canonical bytes that are hashed."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

R = TypeVar("R")

Decoder = Callable[[Any], Any]
Encoder = Callable[[Any], Any]
_PLAIN = (str, float, int, bool, NoneType)


def to_json(value: Any) -> Any:
    """Plain JSON data of a record: fields at their defaults are left out."""
    kind = type(value)
    return value if kind in _PLAIN else _encoder(cast("Hashable", kind))(value)


def from_json(kind: type[R], data: Any) -> R:
    """A record from what `to_json` made of it.

    Raises:
        ValueError: The data does not fit the record.
    """
    try:
        record: R = _decoder(cast("Hashable", kind))(data)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error
    return record


def canonical(data: Any) -> bytes:
    """The one JSON text of plain data: sorted keys, no spaces, ASCII, finite numbers."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def strict_loads(text: str | bytes) -> Any:
    """Parse JSON, refusing duplicate keys and numbers that are not finite."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key in JSON")
    return data


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@cache
def _encoder(kind: type[Any]) -> Encoder:
    """What writes values of a type; made once, for every event is written several times."""
    if issubclass(kind, _PLAIN):
        return _same
    if issubclass(kind, Enum):
        return lambda member: member.value
    if issubclass(kind, Mapping):
        return lambda items: {str(key): to_json(item) for key, item in items.items()}
    if issubclass(kind, tuple | list):
        return lambda items: [to_json(item) for item in items]
    if is_dataclass(kind):
        return _record_encoder(kind)
    raise TypeError(f"{kind.__name__} is not a record")


def _record_encoder(kind: Any) -> Encoder:
    names = [f.name for f in fields(kind)]
    defaults = [_default(f) for f in fields(kind)]
    values = _values_of(names)

    def encode(record: Any) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, default, item in zip(names, defaults, values(record), strict=True):
            if item is default:
                continue  # most are: the rest costs more than all of this
            item_kind = type(item)
            if item_kind is not type(default) or item != default:
                data[name] = (
                    item if item_kind in _PLAIN else _encoder(cast("Hashable", item_kind))(item)
                )
        return data

    return encode


def _values_of(names: Sequence[str]) -> Callable[[Any], Iterable[Any]]:
    """All fields of a record at once, which is twice as fast as one by one."""
    if len(names) < 2:
        return lambda record: [getattr(record, name) for name in names]
    return attrgetter(*names)


def _default(f: Any) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default


@cache
def _decoder(kind: Any) -> Decoder:
    if kind is Any or kind in (str, bool, NoneType):
        return _same
    if kind is float:
        return _number
    if kind is int:
        return _integer
    if is_dataclass(kind):
        return _record_decoder(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {member.value: member for member in kind}.__getitem__
    return _generic_decoder(kind)


def _generic_decoder(kind: Any) -> Decoder:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (inner,) = (a for a in arguments if a is not NoneType)
        decode = _decoder(inner)
        return lambda data: None if data is None else decode(data)
    decode = _decoder(arguments[-1] if origin is not tuple else arguments[0])
    if origin is tuple:
        return lambda data: tuple(decode(item) for item in data)
    return lambda data: {key: decode(item) for key, item in data.items()}


def _record_decoder(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    decoders = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    others = {name: decode for name, decode in decoders.items() if decode is not _same}

    def decode(data: Mapping[str, Any]) -> Any:
        given = dict(data)
        for name in others.keys() & given.keys():
            given[name] = others[name](given[name])
        return kind(**given)

    return decode


def _same(data: Any) -> Any:
    return data


def _number(data: Any) -> float:
    if type(data) not in (int, float):
        raise TypeError(f"{data!r} is not a number")
    return float(data)


def _integer(data: Any) -> int:
    if type(data) is not int:
        raise TypeError(f"{data!r} is not an integer")
    return data
