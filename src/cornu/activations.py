"""Activation functions by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cornu import ops
from cornu._named import Names
from cornu.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from cornu.ops import exp as exponential

hard_swish, swish = hard_silu, silu


def linear(x: Any) -> Any:
    """x."""
    return x


def gelu(x: Any, approximate: bool = False) -> Any:
    """x * Phi(x), Phi the normal distribution; `approximate`: by tanh (Hendrycks and Gimpel, 2016)."""
    return ops.gelu(x, approximate)


def mish(x: Any) -> Any:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """x from `threshold` on, limited to `max_value`; below it, `negative_slope` * (x - threshold)."""
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return ops.relu(x)
    above = x if max_value is None else ops.minimum(x, max_value)
    return ops.where(ops.greater_equal(x, threshold), above, ops.multiply(ops.subtract(x, threshold), negative_slope))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (celu, elu, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax,
              mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid,
              sparsemax, squareplus, tanh, tanh_shrink, threshold)
}  # fmt: skip
_FUNCTIONS |= {"exponential": exponential, "swish": silu, "hard_swish": hard_silu}
_names = Names("activation function", "keras.activations", others=_FUNCTIONS)


def get(identifier: Any) -> Callable[..., Any]:
    """The activation for `identifier`: a name, a config, a function, or None (linear).

    Raises:
        ValueError: for anything else.
    """
    if identifier is None:
        return linear
    return identifier if callable(identifier) else deserialize(identifier)


def serialize(activation: Callable[..., Any]) -> str:
    """The name of an activation."""
    return next((name for name, f in _FUNCTIONS.items() if f is activation), getattr(activation, "__name__", str(activation)))


def deserialize(config: Any, custom_objects: Any = None) -> Callable[..., Any]:
    """The activation of that name, or of Keras's form of it: {"class_name": "function", "config": name}.

    custom_objects: further functions by name.

    Raises:
        ValueError: for an unknown name.
    """
    return _names.get(config, custom_objects)
