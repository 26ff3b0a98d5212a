"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu.ops.nn import (
    elu,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
)
from cornu.ops.numpy import exp as exponential
from cornu.ops.numpy import tanh


def linear(x: Any) -> Any:
    """x."""
    return x


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """x above `threshold`, limited to `max_value`; below it, `negative_slope` * (x - threshold)."""
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    above = x if max_value is None else ops.minimum(x, max_value)
    return ops.where(ops.greater(x, threshold), above, ops.multiply(ops.subtract(x, threshold), negative_slope))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (elu, gelu, hard_sigmoid, hard_silu, leaky_relu, linear, log_sigmoid, log_softmax, relu, relu6, selu, sigmoid, silu,
              softmax, softplus, softsign, tanh)
}  # fmt: skip
_FUNCTIONS |= {"exponential": exponential, "swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Callable[..., Any]:
    """The activation for a name, a function, or None (linear).

    Raises:
        ValueError: for an unknown name.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]
    raise ValueError(f"Could not interpret activation function identifier: {identifier!r}. Known: {', '.join(sorted(_FUNCTIONS))}.")


def serialize(activation: Callable[..., Any]) -> str:
    """The name of an activation."""
    return next((name for name, f in _FUNCTIONS.items() if f is activation), getattr(activation, "__name__", str(activation)))


def deserialize(config: Any, custom_objects: Any = None) -> Callable[..., Any]:
    """The activation of that name."""
    return (custom_objects or {}).get(config) or get(config)
