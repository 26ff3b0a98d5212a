"""Graph style: when a function of `K` draws a node of the symbolic graph instead of computing."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from cornu import tree
from cornu.contract import state
from cornu.layers.layer import being_called
from cornu.ops.op import has_symbolic
from cornu.ops.operators import install
from cornu.ops.symbolic import apply
from cornu.variable import Variable

Body = TypeVar("Body", bound=Callable[..., Any])

_chosen: ContextVar[bool | None] = ContextVar("cornu_draws", default=None)  # by `symbolic` and `eager`

# Keyword arguments of Keras 1, and what they are called now.
RENAMED = {
    "dim_ordering": "data_format",
    "border_mode": "padding",
    "filter_dilation": "dilation_rate",
    "std": "stddev",
    "low": "minval",
    "high": "maxval",
}
ORDERINGS = {"th": "channels_first", "tf": "channels_last"}


def draws() -> bool:
    """Whether functions of variables alone draw: so they do outside of layers' calls and of compiled functions.

    There a variable stands for its value at the time when `K.function` or `K.eval` runs.
    """
    chosen = _chosen.get()
    return chosen if chosen is not None else state.current() is None and not being_called()


def drawn(body: Body) -> Body:
    """Decorator: `body` computes; with a symbolic tensor among the arguments, or a variable where `draws()`, a node is drawn.

    Keyword arguments of Keras 1 are taken by their old names.
    """

    @functools.wraps(body)
    def call(*args: Any, **kwargs: Any) -> Any:
        if has_symbolic(args) or has_symbolic(kwargs.values()) or (has_variable((args, kwargs)) and draws()):
            return apply(compute, args, kwargs)
        return body(*args, **kwargs)

    compute = eager(body)
    return renaming(call)  # type: ignore[return-value]


def renaming(function: Body) -> Body:
    """Decorator: keyword arguments of Keras 1 are taken by their old names."""
    takes = inspect.signature(function).parameters
    old = {name: now for name, now in RENAMED.items() if now in takes and name not in takes}
    if not old:
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for name in [name for name in kwargs if name in old]:
            value = kwargs.pop(name)
            kwargs[old[name]] = ORDERINGS.get(value, value) if name == "dim_ordering" else value
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def has_variable(structure: Any) -> bool:
    """Whether a variable is among the leaves."""
    return any(isinstance(x, Variable) for x in tree.flatten(structure))


def symbolic(func: Body) -> Body:
    """Decorator: inside `func`, functions of variables draw, wherever it is called."""
    return _choosing(func, True)


def eager(func: Body) -> Body:
    """Decorator: inside `func`, functions of variables compute at once."""
    return _choosing(func, False)


def _choosing(func: Body, choice: bool) -> Body:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        token = _chosen.set(choice)
        try:
            return func(*args, **kwargs)
        finally:
            _chosen.reset(token)

    return call  # type: ignore[return-value]


class GraphVariable(Variable):
    """What `K.variable` makes: Python's operators on it draw where `draws()`, too."""


install(GraphVariable, drawn)
