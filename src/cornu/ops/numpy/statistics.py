"""Moments, quantiles, histograms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import axes_of, cast, constant, dtype_of, joined, permuted, shape_of, widened
from cornu.ops.numpy.creation import linspace
from cornu.ops.numpy.elementwise import clip
from cornu.ops.numpy.manipulation import expand_dims, ravel
from cornu.ops.numpy.reduction import _missing, nansum, sum
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt

# Means; half precision is summed in float32


@op
def mean(x, axis=None, keepdims=False):
    """Arithmetic mean over `axis`, in floating point (half precision is summed in float32); NaN of nothing.

    axis, keepdims: see `sum`.
    """
    x, dtype = widened(x)
    axes = axes_of(axis, len(shape_of(x)), "mean")
    total = P.sum(x, axes=axes, keepdims=bool(keepdims))
    return cast(P.divide(total, float(math.prod(shape_of(x)[a] for a in axes))), dtype)


@op
def var(x, axis=None, keepdims=False):
    """Variance over `axis`: the mean squared distance from the mean, in floating point. axis, keepdims: see `sum`."""
    x, dtype = widened(x)
    return cast(mean(_squared(P.subtract(x, mean(x, axis, True))), axis, keepdims), dt.real_part(dtype))


def _squared(x: Any) -> Any:
    """Squared modulus."""
    if dtype_of(x) not in dt.COMPLEXES:
        return P.multiply(x, x)
    return P.add(P.multiply(P.real(x), P.real(x)), P.multiply(P.imag(x), P.imag(x)))


@op
def std(x, axis=None, keepdims=False):
    """Standard deviation over `axis`, the root of `var`. axis, keepdims: see `sum`."""
    return P.sqrt(var(x, axis, keepdims))


@op
def average(x, axis=None, weights=None):
    """Mean over `axis` (None: all, an int or a tuple), weighted by `weights`: like x, or a vector for one axis.

    Without weights, the `mean`.

    Raises:
        ValueError: for weights of another shape.
    """
    if weights is None:
        return mean(x, axis)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape), "average")
    if shape_of(weights) != shape:
        if len(axes) != 1 or shape_of(weights) != (shape[axes[0]],):
            raise ValueError(f"average: weights of shape {shape_of(weights)} don't fit x of shape {shape} along axis {axis}.")
        weights = P.reshape(weights, shape=tuple(n if i in axes else 1 for i, n in enumerate(shape)))
    dtype = dt.to_float(joined(x, weights))
    w = cast(weights, dtype)
    total = P.sum(P.broadcast_to(w, shape=shape), axes=axes)
    return P.divide(P.sum(P.multiply(cast(x, dtype), w), axes=axes), total)


@op
def nanmean(x, axis=None, keepdims=False):
    """Mean over `axis` of what is not NaN; NaN where there is nothing else. axis, keepdims: see `sum`."""
    x, dtype = widened(x)
    count = sum(P.logical_not(_missing(x)), axis, keepdims)
    return cast(P.divide(nansum(x, axis, keepdims), cast(count, dt.real_part(dtype_of(x)))), dtype)


@op
def nanvar(x, axis=None, keepdims=False):
    """Variance over `axis` of what is not NaN; NaN where there is nothing else. axis, keepdims: see `sum`."""
    x, dtype = widened(x)
    missing = _missing(x)
    squared = _squared(P.subtract(x, nanmean(x, axis, True)))
    count = sum(P.logical_not(missing), axis, keepdims)
    total = sum(P.where(missing, constant(0, squared), squared), axis, keepdims)
    return cast(P.divide(total, cast(count, dtype_of(squared))), dt.real_part(dtype))


@op
def nanstd(x, axis=None, keepdims=False):
    """Standard deviation over `axis` of what is not NaN; NaN where there is nothing else. axis, keepdims: see `sum`."""
    return P.sqrt(nanvar(x, axis, keepdims))


@op
def corrcoef(x):
    """Correlation coefficients of the rows of x with one another."""
    if len(shape_of(x)) not in (1, 2):
        raise ValueError(f"corrcoef: expected a matrix (or one row), got shape {shape_of(x)}.")
    x, dtype = widened(x)
    rows = x if len(shape_of(x)) == 2 else expand_dims(x, 0)
    centred = P.subtract(rows, mean(rows, 1, True))
    other = P.complex(P.real(centred), P.negative(P.imag(centred))) if dtype in dt.COMPLEXES else centred
    products = P.matmul(centred, P.transpose(other, axes=(1, 0)))
    lengths = P.sqrt(sum(_squared(centred), 1))
    c = P.divide(P.divide(products, expand_dims(lengths, 1)), expand_dims(lengths, 0))
    c = cast(c if dtype in dt.COMPLEXES else clip(c, -1, 1), dtype)
    return c if len(shape_of(x)) == 2 else P.reshape(c, shape=())


# Quantiles

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(x: Any, q: Any, axis: Any, method: str, keepdims: bool, where: str, skip_nan: bool) -> Any:
    if method not in METHODS:
        raise ValueError(f"{where}: the method must be one of {', '.join(METHODS)}, got {method!r}.")
    if isinstance(q, (int, float, list, tuple)) and (np.less(q, 0) | np.greater(q, 1)).any():
        raise ValueError(f"{where}: quantiles lie between 0 and 1 (percentiles between 0 and 100), got q = {q}.")
    x, dtype = widened(x)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape), where)
    rest = [i for i in range(len(shape)) if i not in axes]
    lead, count = tuple(shape[i] for i in rest), math.prod(shape[a] for a in axes)
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else lead
    if not count:
        return P.full(shape=(*shape_of(q), *kept), value=math.nan, dtype=dtype)
    ordered = P.sort(P.reshape(permuted(x, rest + list(axes)), shape=(*lead, count)), axis=len(lead))  # NaNs last
    points = math.prod(shape_of(q))
    last = float(count - 1)
    if skip_nan:
        last = P.subtract(cast(sum(P.logical_not(_missing(ordered)), -1, True), "float64"), 1)
    place = P.maximum(P.multiply(P.reshape(cast(q, "float64"), shape=(points,)), last), 0)
    y = _between(ordered, P.broadcast_to(place, shape=(*lead, points)), method)
    if not skip_nan:
        y = P.where(P.any(_missing(ordered), axes=(len(lead),), keepdims=True), math.nan, y)
    y = P.transpose(y, axes=(len(lead), *range(len(lead))))
    return cast(P.reshape(y, shape=(*shape_of(q), *kept)), dtype)


def _between(ordered: Any, place: Any, method: str) -> Any:
    """Elements along the last axis at places that may lie between two of them."""
    at = lambda p: P.take_along_axis(ordered, cast(p, "int32"), axis=len(shape_of(ordered)) - 1)  # noqa: E731
    if method == "nearest":
        return at(P.round(place))
    low, high = at(P.floor(place)), at(P.ceil(place))
    if method in ("lower", "higher"):
        return low if method == "lower" else high
    if method == "midpoint":  # between -inf and a number: -inf
        return P.where(P.equal(low, high), low, P.add(P.multiply(low, 0.5), P.multiply(high, 0.5)))
    part = cast(P.subtract(place, P.floor(place)), dtype_of(ordered))
    return P.where(P.equal(low, high), low, P.add(low, P.multiply(P.subtract(high, low), part)))


@op
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The q-th quantiles over `axis`, in x's floating dtype; NaN if there is one.

    Args:
        q: between 0 and 1, a number or a tensor; its dimensions come first in the result.
        axis: an int, a tuple of ints, or None for all.
        method: between two elements, "linear" interpolation, the "lower", the "higher", their "midpoint", or the "nearest".
        keepdims: whether the axes stay, with size 1.

    Raises:
        ValueError: for an unknown method, or (where it is a number or a list) a q outside [0, 1].
    """
    return _quantile(x, q, axis, method, keepdims, "quantile", False)


@op
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """The q-th percentiles (0 to 100); see `quantile`."""
    return _quantile(x, _hundredths(q), axis, method, keepdims, "percentile", False)


@op
def median(x, axis=None, keepdims=False):
    """The middle element (or the mean of the middle two) over `axis`; NaN if there is one. axis, keepdims: see `quantile`."""
    return _quantile(x, 0.5, axis, "midpoint", keepdims, "median", False)


@op
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """The q-th quantiles of what is not NaN; see `quantile`."""
    return _quantile(x, q, axis, method, keepdims, "nanquantile", True)


@op
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """The q-th percentiles (0 to 100) of what is not NaN; see `quantile`."""
    return _quantile(x, _hundredths(q), axis, method, keepdims, "nanpercentile", True)


@op
def nanmedian(x, axis=None, keepdims=False):
    """The middle element of what is not NaN over `axis`; NaN where there is nothing else. axis, keepdims: see `quantile`."""
    return _quantile(x, 0.5, axis, "midpoint", keepdims, "nanmedian", True)


def _hundredths(q: Any) -> Any:
    return (np.asarray(q) / 100).tolist() if isinstance(q, (int, float, list, tuple)) else P.divide(q, 100)


# Histograms


@op
def histogram(x, bins=10, range=None):
    """How many elements (int32) lie in each of `bins` equal intervals of `range`, and the edges of the intervals.

    range: (low, high), by default the least and the largest element. The last interval includes its end; what lies outside is not counted.

    Raises:
        TypeError: if bins is no int.
        ValueError: if it is not positive, or range is no pair in order.
    """
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)):
        raise TypeError(f"histogram: bins must be an int, got {bins!r}.")
    if bins < 1 or (range is not None and (len(range) != 2 or range[0] > range[1])):
        raise ValueError(f"histogram: bins must be positive and range a pair (low, high), got bins={bins} and range={range}.")
    x, dtype = widened(ravel(x))
    if range is None and shape_of(x)[0]:
        low, high = P.min(x, axes=(0,)), P.max(x, axes=(0,))
    else:
        low, high = (constant(v, x) for v in range or (0.0, 1.0))
    same = P.equal(low, high)
    low, high = P.where(same, P.subtract(low, 0.5), low), P.where(same, P.add(high, 0.5), high)
    edges = linspace(low, high, bins + 1)
    place = P.subtract(P.searchsorted(edges, x, side="right"), 1)
    place = P.where(P.equal(x, high), bins - 1, place)
    inside = P.logical_and(P.greater_equal(x, low), P.less_equal(x, high))
    place = P.reshape(P.where(inside, place, -1), shape=(*shape_of(x), 1))  # rows out of range are dropped
    one = P.full(shape=shape_of(x), value=1, dtype="int32")
    counts = P.scatter(P.full(shape=(bins,), value=0, dtype="int32"), place, one, mode="add")
    return counts, cast(edges, dtype)


export(globals())
