"""Nested dataclasses to JSON values and back, with errors that say where a value is wrong.

Fields are typed as JSON is: str, bool, int, float, None, lists, tuples, dictionaries with text keys, unions, ``Any``
and other dataclasses. A class whose JSON has another layout than its fields gives two static methods on dictionaries:
``packed``, from fields to JSON, and ``unpacked``, from JSON to fields.

>>> @dataclasses.dataclass
... class Point:
...     row: int
...     weights: list[float] = dataclasses.field(default_factory=list)
>>> to_json(Point(3, [0.5]))
{'row': 3, 'weights': [0.5]}
>>> from_json(Point, {"row": 3, "weights": ["much"]})
Traceback (most recent call last):
    ...
ValueError: weights[0]: must be a number, not 'much'
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_PLAIN = {str: "text", bool: "true or false", int: "a whole number", float: "a number", types.NoneType: "null"}


def to_json(value: Any) -> Any:
    """A value of a field, or a dataclass, as numbers, strings, lists and dictionaries."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {entry.name: to_json(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
        packed = getattr(value, "packed", None)
        return packed(plain) if packed else plain
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    return value


def from_json(kind: type[T], value: Any, where: str = "") -> T:
    """A dataclass from what :func:`to_json` made of it.

    Args:
        kind: The dataclass.
        value: As JSON gives it.
        where: The path of the value in what is read, for errors.

    Raises:
        ValueError: A key is missing or unknown, or a value is of another type; the message says where.
    """
    found: T = _read(kind, value, where)
    return found


def _read(kind: Any, value: Any, where: str) -> Any:
    """A value of any type that a field may have."""
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    if kind in _PLAIN:
        return _read_plain(kind, value, where)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _read_union(inner, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {key: _read(inner[1], each, f"{where}.{key}" if where else str(key)) for key, each in value.items()}
    if origin not in (list, tuple):
        raise TypeError(f"{kind} is no type of a JSON value")
    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list", value)
    if origin is list or inner[1:] == (...,):
        return origin(_read(inner[0], each, f"{where}[{place}]") for place, each in enumerate(value))
    if len(value) != len(inner):
        raise ValueError(f"{where}: must be a list of {len(inner)}, not of {len(value)}")
    return tuple(_read(one, each, f"{where}[{n}]") for n, (one, each) in enumerate(zip(inner, value, strict=True)))


def _read_plain(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _wrong(where, _PLAIN[kind], value) from None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, _PLAIN[kind], value)
    return value


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """The first of the types that fits; of one type or null, the error is that of the type."""
    some = [kind for kind in kinds if kind is not types.NoneType]
    if value is None and len(some) < len(kinds):
        return None
    for kind in some[:-1]:
        try:
            return _read(kind, value, where)
        except ValueError:
            continue
    return _read(some[-1], value, where)


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    unpacked = getattr(kind, "unpacked", None)
    value = unpacked(value) if unpacked else value
    entries = {entry.name: entry for entry in dataclasses.fields(kind)}
    for name in value:
        if name not in entries:
            raise ValueError(f"{_key(where, name)}: unknown key")
    given = {}
    for name, entry in entries.items():
        if name in value:
            given[name] = _read(_hints(kind)[name], value[name], _key(where, name))
        elif entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING:
            raise ValueError(f"{_key(where, name)}: missing")
    return kind(**given)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _key(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _wrong(where: str, what: str, value: Any) -> ValueError:
    text = repr(value)
    return ValueError(f"{where + ': ' if where else ''}must be {what}, not {text if len(text) < 60 else text[:57]}")
