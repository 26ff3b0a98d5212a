"""Random arguments of activation functions, with references by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from op_table.case import Array, factors
from op_table.drawing import FLOATS, Draw, Numbers, elementwise, fuzzed

EDGES = Numbers("f", -7.0, 7.0, "all")
MILD = Numbers("f", -7.0, 7.0, "mild")


def _sigmoid(x: Array) -> Array:
    return scipy.special.expit(x)


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x))


# op -> reference, numbers, whether its definition subtracts what may be nearly equal
PLAIN: dict[str, tuple[Any, Numbers, bool]] = {
    "relu": (lambda x: np.maximum(x, 0), Numbers("buif", -7.0, 7.0, "all"), False),
    "relu6": (_relu6, Numbers("if", -7.0, 9.0, "all"), False),
    "sigmoid": (_sigmoid, EDGES, False),
    "log_sigmoid": (scipy.special.log_expit, EDGES, False),
    "softplus": (lambda x: -scipy.special.log_expit(-x), EDGES, False),
    "softsign": (lambda x: np.where(np.isinf(x), np.nan, x / (1 + np.abs(x))), MILD, False),
    "silu": (lambda x: x * _sigmoid(x), MILD, False),
    "swish": (lambda x: x * _sigmoid(x), MILD, False),
    "selu": (lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772), MILD, False),
    "hard_sigmoid": (_hard_sigmoid, MILD, True),
    "hard_silu": (lambda x: x * _hard_sigmoid(x), MILD, True),
    "hard_swish": (lambda x: x * _hard_sigmoid(x), MILD, True),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), EDGES, False),
    "tanh_shrink": (lambda x: x - np.tanh(x), Numbers("f", -3.0, 3.0), True),
    "sparse_plus": (lambda x: np.where(x <= -1, 0, np.where(x < 1, ((x + 1) / 2) ** 2, x)), MILD, True),
    "sparse_sigmoid": (lambda x: np.clip((x + 1) / 2, 0, 1), MILD, True),
}
for _op, (_reference, _wanted, _subtracts) in PLAIN.items():
    _dtype = "counting" if _op == "relu" else "first"
    fuzzed(_op, _reference, _dtype, 16.0, False, None, factors if _subtracts else None)(elementwise(1, _wanted))


# op -> reference, keyword, its values, numbers, whether it subtracts
WITH_A_SETTING: dict[str, tuple[Any, str, tuple[Any, ...], Numbers, bool]] = {
    "leaky_relu": (
        lambda x, negative_slope: np.where(x > 0, x, negative_slope * x), "negative_slope", (0.2, 0.5, 0.0), MILD, False,
    ),
    "elu": (_elu, "alpha", (1.0, 0.5), MILD, False),
    "celu": (lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)), "alpha", (1.0, 0.5), MILD, False),
    "hard_shrink": (lambda x, threshold: np.where(np.abs(x) > threshold, x, 0), "threshold", (0.5, 2.0), MILD, False),
    "soft_shrink": (
        lambda x, threshold: np.sign(x) * np.maximum(np.abs(x) - threshold, 0), "threshold", (0.5, 2.0), FLOATS, True,
    ),
    "squareplus": (lambda x, b: (x + np.sqrt(x * x + b)) / 2, "b", (4, 1), FLOATS, True),
}  # fmt: skip
for _op, (_reference, _name, _values, _wanted, _subtracts) in WITH_A_SETTING.items():

    @fuzzed(_op, _reference, "first", 16.0, False, None, factors if _subtracts else None)
    def _activation(d: Draw, name: str = _name, values: Any = _values, wanted: Numbers = _wanted) -> Any:
        return (d.tensor(d.shape(), wanted),), {name: d.of(*values)}


def _gelu(x: Array, approximate: bool) -> Array:
    bend = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    return x * (1 + bend) / 2 if approximate else x * scipy.special.ndtr(x)


@fuzzed("gelu", _gelu, "first", 16.0, True, None, factors)
def _gaussian(d: Draw) -> Any:
    return (d.tensor(d.shape(), Numbers("f", -4.0, 4.0)),), {"approximate": d.yes()}


@fuzzed("threshold", lambda x, threshold, default: np.where(x > threshold, x, default), "first", 2.0)
def _threshold(d: Draw) -> Any:
    return (d.tensor(d.shape(), MILD), d.of(0.0, -1.5), d.of(-7.0, 0.5)), {}


@fuzzed("glu", lambda x, axis: np.multiply(*(f(h) for f, h in zip((np.asarray, _sigmoid), np.split(x, 2, axis)))), "first")
def _gated(d: Draw) -> Any:
    x = d.tensor(d.of((4,), (2, 3), (2, 0), (2, 1, 4), (3,)), Numbers("f", -7.0, 7.0))
    return (x,), {"axis": d.axis(x.ndim)}


# Over an axis


def _over(least: int, wanted: Numbers = FLOATS) -> Any:
    def arguments(d: Draw) -> Any:
        x = d.tensor(d.shape(least, empty=False), wanted)
        return (x,), {"axis": d.axis(x.ndim)}

    return arguments


WIDE = Numbers("f", -60.0, 60.0)
fuzzed("softmax", scipy.special.softmax, "first", 64.0, True)(_over(1, WIDE))
fuzzed("log_softmax", scipy.special.log_softmax, "first", 64.0, True)(_over(1, WIDE))


def _log_of_sum(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


@fuzzed("logsumexp", _log_of_sum, "first", 64.0, True)
def _logsumexp(d: Draw) -> Any:
    x = d.tensor(d.shape(empty=False), WIDE)
    return (x,), {"axis": d.axes(x.ndim), "keepdims": d.yes()}


def _sparsemax(x: Array, axis: int) -> Array:
    """The threshold by bisection."""
    low, high = x.max(axis, keepdims=True) - 1, x.max(axis, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        more = np.maximum(x - middle, 0).sum(axis, keepdims=True) > 1
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.maximum(x - low, 0)


fuzzed("sparsemax", _sparsemax, "first", 64.0, True)(_over(1))
