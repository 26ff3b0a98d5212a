"""In which primitives an op may end, read off its code."""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from cornu.primitives import Primitive


@functools.cache
def primitives(function: Any) -> frozenset[str]:
    """Names of the primitives that an op's body may reach, by itself and through other ops and helpers."""
    body = inspect.unwrap(function)
    if not inspect.isfunction(body):
        return frozenset()
    outside = inspect.getclosurevars(body).nonlocals.values()
    found = set(_reached([*outside, *_names(body.__code__, body.__globals__)]))
    return frozenset(found)


def _names(code: CodeType, scope: dict[str, Any]) -> Iterator[Any]:
    """The global objects that code names, dotted ones too."""
    current: Any = None
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            current = scope.get(step.argval)
            yield current
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(current, ModuleType):
            current = getattr(current, step.argval, None)
            yield current
        else:
            current = None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner, scope)


def _reached(objects: list[Any]) -> Iterator[str]:
    for x in objects:
        if isinstance(record := getattr(x, "record", None), Primitive):
            yield record.name
        elif inspect.isfunction(x) and x.__module__.startswith("cornu.ops.") and inspect.unwrap(x) not in _visiting:
            _visiting.append(inspect.unwrap(x))
            yield from primitives(x)
            _visiting.pop()


_visiting: list[Any] = []
