"""Ops of `keras.ops` that belong to no other family: special functions, segments, the largest, distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import as_float, as_floats, axes_of, data_size, dtype_of, shape_of, size_given, slice_axis
from cornu.ops.numpy.manipulation import expand_dims, squeeze
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

Tensor = Any


@op
def rsqrt(x):
    """1 / sqrt(x)."""
    return P.rsqrt(x)


@op
def erf(x):
    """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return P.erf(x)


@op
def erfinv(x):
    """Inverse of `erf`."""
    return P.erfinv(x)


# erfc(x) exp(x^2) / t as a polynomial in 2 t - 1, where t = 2 / (2 + x) runs through (0, 1] for x from infinity to 0. Fitted at
# Chebyshev points; relative error below 3e-15.
_ERFC = (
    0.51079135262101172, 0.34358034220690681, 0.13973604627800087, 0.018221115753230335, -0.010755330942530752,
    -0.0032395925278456334, 0.0015453059791288126, 0.00041864795306157624, -0.00033153619941068003, -1.71851508801261e-05,
    7.2231868740556929e-05, -1.7076993143564976e-05, -1.0834080369493707e-05, 8.0678784722730649e-06, -5.9995850997952735e-07,
    -1.8361642934110764e-06, 1.0676643678203707e-06, 1.6699318245681369e-08, -3.6679246576300967e-07, 1.4917245328059455e-07,
    6.4003786900494861e-08, -5.1290628775635521e-08, -4.5548090521821922e-09, 6.576410212118261e-09,
)


@op
def erfc(x):
    """1 - erf(x), without loss of digits where that is small."""
    narrow = dtype_of(as_float(x))
    x = P.cast(x, dtype="float32" if narrow in ("float16", "bfloat16") else narrow)
    t = P.divide(2, P.add(P.abs(x), 2))
    u = P.subtract(P.multiply(t, 2), 1)
    tail: Any = _ERFC[-1]
    for coefficient in reversed(_ERFC[:-1]):
        tail = P.add(P.multiply(tail, u), coefficient)
    tail = P.multiply(P.multiply(t, P.exp(P.negative(P.multiply(x, x)))), tail)
    return P.cast(P.where(P.greater(x, 0.5), tail, P.subtract(1, P.erf(x))), dtype=narrow)


@op
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis`, without overflow, in floating point. axis, keepdims: see `sum`."""
    x = as_float(x)
    axes = axes_of(axis, len(shape_of(x)), "logsumexp")
    top = P.max(x, axes=axes, keepdims=True)
    top = P.stop_gradient(P.where(P.isfinite(top), top, 0))
    summed = P.add(P.log(P.sum(P.exp(P.subtract(x, top)), axes=axes, keepdims=True)), top)
    return summed if keepdims else squeeze(summed, axes)


@op
def top_k(x, k, sorted=True):
    """The k largest along the last axis, and their indices (int32); NaN first, of equals the first.

    sorted: they stand in descending order either way.

    Raises:
        ValueError: if there are no k elements.
    """
    rank, k = len(shape_of(x)), size_given(k, "top_k: k")
    if not rank or k > shape_of(x)[-1]:
        raise ValueError(f"top_k: there are no {k} elements along the last axis of a tensor of shape {shape_of(x)}.")
    size = shape_of(x)[-1]
    backwards = P.argsort(P.flip(x, axes=(rank - 1,)), axis=rank - 1)  # so that the first of equals comes last
    indices = P.subtract(size - 1, P.flip(slice_axis(backwards, rank - 1, size - k, size), axes=(rank - 1,)))
    return P.take_along_axis(x, indices, axis=rank - 1), indices


@op
def in_top_k(targets, predictions, k):
    """Whether each target's prediction is among the k largest of its row (ties count). targets: (N,); predictions: (N, classes).

    Raises:
        ValueError: for other shapes.
    """
    if len(shape_of(predictions)) != 2 or shape_of(targets) != shape_of(predictions)[:1]:
        raise ValueError(
            f"in_top_k: expected targets (N,) and predictions (N, classes), got shapes {shape_of(targets)} and {shape_of(predictions)}."
        )
    k = size_given(k, "in_top_k: k")
    own = P.take_along_axis(predictions, P.cast(expand_dims(targets, -1), dtype="int32"), axis=1)
    larger = P.sum(P.cast(P.greater(predictions, own), dtype="int32"), axes=(1,), keepdims=False)
    return P.logical_and(P.less(larger, k), P.isfinite(squeeze(own, 1)))


@op
def cdist(x, y):
    """Euclidean distances between rows of x and y: (..., n, d) and (..., m, d) -> (..., n, m).

    Raises:
        ValueError: if the rows differ in length.
    """
    if min(len(shape_of(x)), len(shape_of(y))) < 2 or shape_of(x)[-1] != shape_of(y)[-1]:
        raise ValueError(f"cdist: expected rows of one length, (..., n, d) and (..., m, d), got shapes {shape_of(x)} and {shape_of(y)}.")
    x, y = as_floats(x, y)
    gaps = P.subtract(expand_dims(x, -2), expand_dims(y, -3))
    squares = P.sum(P.multiply(gaps, gaps), axes=(len(shape_of(gaps)) - 1,), keepdims=False)
    same = P.equal(squares, 0)  # where rows coincide the gradient is 0
    return P.where(same, 0, P.sqrt(P.where(same, 1, squares)))


# Segments: rows that share a number


def _segments(mode: str, empty: Any, what: str, in_empty: str) -> Any:
    def body(data, segment_ids, num_segments=None, sorted=False):
        name = body.__name__
        if not shape_of(data) or shape_of(segment_ids) != shape_of(data)[:1]:
            raise ValueError(f"{name}: data of shape {shape_of(data)} needs one segment id per row, got shape {shape_of(segment_ids)}.")
        if num_segments is None:
            count = data_size(P.add(P.max(segment_ids, axes=(0,), keepdims=False), 1), f"{name} without num_segments")
        else:
            count = size_given(num_segments, f"{name}: num_segments")
        start = P.full(shape=(count, *shape_of(data)[1:]), value=empty(dtype_of(data)), dtype=dtype_of(data))
        return P.scatter(start, expand_dims(segment_ids, 1), data, mode=mode)

    body.__name__ = body.__qualname__ = f"segment_{what}"
    body.__doc__ = f"""The {what} of the rows of each segment; {in_empty} for a segment without rows.

    Args:
        data: (n, ...).
        segment_ids: (n,) integers; rows with ids outside [0, num_segments) are left out.
        num_segments: the largest id plus one by default, which must be known (not so in a compiled function).
        sorted: whether the ids are known to rise; makes no difference.
    """
    return op(body)


def _bound(dtype: str, sign: int) -> Any:
    if dtype == "bool":
        return sign > 0
    if dt.is_integer(dtype):
        limits = np.iinfo(dtype)
        return int(limits.max if sign > 0 else limits.min)
    return math.copysign(math.inf, sign)


segment_sum = _segments("add", lambda dtype: 0, "sum", "0")
segment_prod = _segments("multiply", lambda dtype: 1, "prod", "1")
segment_max = _segments("max", lambda dtype: _bound(dtype, -1), "max", "the least value of the dtype")
segment_min = _segments("min", lambda dtype: _bound(dtype, 1), "min", "the greatest value of the dtype")


export(globals())
