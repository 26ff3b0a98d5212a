"""The decorator that makes a Python body an op: eager, symbolic and compiled use of one definition."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from cornu import context
from cornu.contract.state import Cell
from cornu.ops.complaint import NAMES, complain
from cornu.ops.symbolic import KerasTensor, apply

Body = TypeVar("Body", bound=Callable[..., Any])
OPS: dict[str, Callable[..., Any]] = {}
NESTS = frozenset({list, tuple, dict})


def op(body: Body) -> Body:
    """Register `body` as the op of its name (a trailing underscore is dropped).

    The body is written in other ops and primitives and never asks for the engine. A call
    - with a `KerasTensor` among the arguments records the op and infers its result by running the body on values without numbers;
    - on an engine that overrides the op goes to its native form, unless that returns NotImplemented;
    - on an engine that computes the op's body as one call lets it do so, unless that returns NotImplemented;
    - else runs the body.
    Where a call fails, `complain` says why: the same on every engine.
    """
    name = body.__name__.rstrip("_")

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            kind = type(x)
            if kind is KerasTensor or (kind in NESTS and has_symbolic(x)):
                return apply(call, args, kwargs)
        if kwargs and has_symbolic(kwargs.values()):
            return apply(call, args, kwargs)
        engine = context.current()
        try:
            if name in engine.overrides:
                result = _native(engine, engine.overrides[name], args, kwargs)
                if result is not NotImplemented:
                    return result
            if name in engine.whole:
                result = engine.call_whole(body, args, kwargs)
                if result is not NotImplemented:
                    return result
            return body(*args, **kwargs)
        except Exception as error:
            complain(body, args, kwargs, error)
            raise

    call.__name__ = name
    call.body = body  # type: ignore[attr-defined]
    OPS[name] = call
    NAMES.add(name)
    return call  # type: ignore[return-value]


def export(namespace: dict[str, Any]) -> None:
    """Give a module or package of ops its `__all__`: the public functions and classes defined there, aliases included."""
    own = namespace["__name__"]
    public = [name for name, x in namespace.items() if name[0] != "_" and callable(x)]
    namespace["__all__"] = [name for name in public if f"{namespace[name].__module__}.".startswith(f"{own}.")]


def has_symbolic(items: Any) -> bool:
    """Whether a KerasTensor is among the items (of a dict, its values) or in lists, tuples and dicts among them."""
    for x in items.values() if type(items) is dict else items:
        kind = type(x)
        if kind is KerasTensor or (kind in NESTS and has_symbolic(x)):
            return True
    return False


def _native(engine: Any, override: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an engine's form of an op: it gets tensors where arrays or variables were given."""
    for x in args:
        if type(x) not in engine.ready:
            args = [_operand(engine, x) for x in args]
            break
    if kwargs:
        kwargs = {key: _operand(engine, x) for key, x in kwargs.items()}
    return override(*args, **kwargs)


def _operand(engine: Any, x: Any) -> Any:
    """An argument as a native form takes it; types that are taken as they are become known."""
    if isinstance(x, Cell):
        return x.value
    if isinstance(x, (np.ndarray, np.generic)) and not engine.is_tensor(x):
        return engine.asarray(x)
    engine.ready.add(type(x))
    return x
