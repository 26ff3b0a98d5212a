"""Elementwise functions, reductions and products."""

from __future__ import annotations

import math as _math
from typing import Any

from cornu import config, ops
from cornu.backend.drawing import drawn
from cornu.ops.common import dtype_of, shape_of

# Elementwise


@drawn
def abs(x: Any) -> Any:
    """Absolute value, elementwise."""
    return ops.absolute(x)


@drawn
def cos(x: Any) -> Any:
    """Cosine, elementwise."""
    return ops.cos(x)


@drawn
def sin(x: Any) -> Any:
    """Sine, elementwise."""
    return ops.sin(x)


@drawn
def exp(x: Any) -> Any:
    """Exponential, elementwise."""
    return ops.exp(x)


@drawn
def log(x: Any) -> Any:
    """Natural logarithm, elementwise."""
    return ops.log(x)


@drawn
def sign(x: Any) -> Any:
    """-1, 0 or 1, elementwise."""
    return ops.sign(x)


@drawn
def square(x: Any) -> Any:
    """Square, elementwise."""
    return ops.square(x)


@drawn
def round(x: Any) -> Any:
    """The nearest integer; of two, the even one, elementwise."""
    return ops.round(x)


@drawn
def sqrt(x: Any) -> Any:
    """Square root, elementwise; 0 of negative numbers."""
    return ops.sqrt(ops.maximum(x, 0))


@drawn
def pow(x: Any, a: Any) -> Any:
    """x to the power of a, elementwise."""
    return ops.power(x, a)


@drawn
def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """x, but at least min_value and at most max_value: numbers, tensors, or None for no bound.

    A maximum below the minimum is raised to it.
    """
    if min_value is not None:
        x = ops.maximum(x, min_value)
    if max_value is not None:
        x = ops.minimum(x, max_value if min_value is None else ops.maximum(max_value, min_value))
    return x


@drawn
def equal(x: Any, y: Any) -> Any:
    """x == y, elementwise."""
    return ops.equal(x, y)


@drawn
def not_equal(x: Any, y: Any) -> Any:
    """x != y, elementwise."""
    return ops.not_equal(x, y)


@drawn
def greater(x: Any, y: Any) -> Any:
    """x > y, elementwise."""
    return ops.greater(x, y)


@drawn
def greater_equal(x: Any, y: Any) -> Any:
    """x >= y, elementwise."""
    return ops.greater_equal(x, y)


@drawn
def less(x: Any, y: Any) -> Any:
    """x < y, elementwise."""
    return ops.less(x, y)


@drawn
def less_equal(x: Any, y: Any) -> Any:
    """x <= y, elementwise."""
    return ops.less_equal(x, y)


@drawn
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, elementwise."""
    return ops.maximum(x, y)


@drawn
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, elementwise."""
    return ops.minimum(x, y)


# Reductions: axis is an int, a sequence of them, or None for all


@drawn
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Maximum over `axis`. axis, keepdims: see `sum`."""
    return ops.max(x, axis=axis, keepdims=keepdims)


@drawn
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Minimum over `axis`. axis, keepdims: see `sum`."""
    return ops.min(x, axis=axis, keepdims=keepdims)


@drawn
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (an int, several, or None for all); keepdims: whether these axes stay, with size 1."""
    return ops.sum(x, axis=axis, keepdims=keepdims)


@drawn
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Product over `axis`. axis, keepdims: see `sum`."""
    return ops.prod(x, axis=axis, keepdims=keepdims)


@drawn
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean over `axis`; bools count as 0 and 1. axis, keepdims: see `sum`."""
    return ops.mean(_number(x), axis=axis, keepdims=keepdims)


@drawn
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance over `axis`; bools count as 0 and 1. axis, keepdims: see `sum`."""
    return ops.var(_number(x), axis=axis, keepdims=keepdims)


@drawn
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation over `axis`; bools count as 0 and 1. axis, keepdims: see `sum`."""
    return ops.std(_number(x), axis=axis, keepdims=keepdims)


@drawn
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any element is true, over `axis`. axis, keepdims: see `sum`."""
    return ops.any(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


@drawn
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements are true, over `axis`. axis, keepdims: see `sum`."""
    return ops.all(ops.cast(x, "bool"), axis=axis, keepdims=keepdims)


@drawn
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`, without overflow. axis, keepdims: see `sum`."""
    return ops.logsumexp(x, axis=axis, keepdims=keepdims)


@drawn
def argmax(x: Any, axis: int = -1) -> Any:
    """Place of the maximum along `axis`, int64."""
    return ops.cast(ops.argmax(x, axis=axis), "int64")


@drawn
def argmin(x: Any, axis: int = -1) -> Any:
    """Place of the minimum along `axis`, int64."""
    return ops.cast(ops.argmin(x, axis=axis), "int64")


@drawn
def cumsum(x: Any, axis: int = 0) -> Any:
    """Sums of the first elements along `axis`."""
    return ops.cumsum(x, axis=axis)


@drawn
def cumprod(x: Any, axis: int = 0) -> Any:
    """Products of the first elements along `axis`."""
    return ops.cumprod(x, axis=axis)


def _number(x: Any) -> Any:
    return ops.cast(x, config.floatx()) if dtype_of(x) == "bool" else x


# Products


@drawn
def dot(x: Any, y: Any) -> Any:
    """Product of matrices: over the last axis of x and the last but one of y, (..., k) and (..., k, n) -> (..., ..., n)."""
    return ops.dot(x, y)


@drawn
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """For each sample, the product of x and y over one axis of each.

    Args:
        x, y: (N, ...), at least of rank 2.
        axes: one axis of each (a pair, or an int for both); by default the last of x and the last but one of y (its last, if it
            has rank 2).

    Returns:
        (N, remaining axes of x, remaining axes of y); (N, 1) where nothing remains.

    Raises:
        ValueError: for vectors, a batch axis among `axes`, or sizes that differ.
    """
    ranks = [len(shape_of(x)), len(shape_of(y))]
    if ranks[0] < 2 or ranks[1] < 2:
        raise ValueError(f"batch_dot: tensors of at least rank 2 are needed, got shapes {shape_of(x)} and {shape_of(y)}.")
    if axes is None:
        axes = (ranks[0] - 1, ranks[1] - 2 if ranks[1] > 2 else 1)
    pair = (axes, axes) if isinstance(axes, int) else tuple(axes)
    if len(pair) != 2 or [a for a, r in zip(pair, ranks, strict=False) if not isinstance(a, int) or not -r <= a < r]:
        raise ValueError(
            f"batch_dot: axes={axes!r} for tensors of shape {shape_of(x)} and {shape_of(y)}; one axis of each is needed."
        )
    a, b = (axis % rank for axis, rank in zip(pair, ranks, strict=True))
    if a == 0 or b == 0:
        raise ValueError("batch_dot: the product is taken for each sample; axis 0 can't be among `axes`.")
    if shape_of(x)[a] != shape_of(y)[b] or shape_of(x)[0] != shape_of(y)[0]:
        raise ValueError(f"batch_dot: shapes {shape_of(x)} and {shape_of(y)} don't fit over axes ({a}, {b}).")
    left, right = ops.moveaxis(x, a, -1), ops.moveaxis(y, b, 1)
    n, *rows, inner = shape_of(left)
    columns = shape_of(right)[2:]
    product = ops.matmul(ops.reshape(left, (n, _math.prod(rows), inner)), ops.reshape(right, (n, inner, _math.prod(columns))))
    return ops.reshape(product, (n, *rows, *columns) if rows or columns else (n, 1))


__all__ = [
    "abs", "all", "any", "argmax", "argmin", "batch_dot", "clip", "cos", "cumprod", "cumsum", "dot", "equal", "exp",
    "greater", "greater_equal", "less", "less_equal", "log", "logsumexp", "max", "maximum", "mean", "min", "minimum",
    "not_equal", "pow", "prod", "round", "sign", "sin", "sqrt", "square", "std", "sum", "var",
]  # fmt: skip
