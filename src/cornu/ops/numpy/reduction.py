"""Many elements to one, and running results: sums, products, extremes, tests."""

from __future__ import annotations

import math
from typing import Any

from cornu import primitives as P
from cornu.ops.common import axes_of, axis_of, cast, constant, dtype_of, rank_of, shape_of, size_given, slice_axis
from cornu.ops.numpy.manipulation import expand_dims, ravel
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


def _reduced(primitive: Any, x: Any, axis: Any, keepdims: bool, where: str) -> Any:
    return primitive(x, axes=axes_of(axis, rank_of(x), where), keepdims=bool(keepdims))


@op
def sum(x, axis=None, keepdims=False):
    """Sum over `axis`; small integers and bools are summed in 32 bits.

    axis: an int, a tuple of ints, or None for all. keepdims: whether these axes stay, with size 1.

    Raises:
        ValueError: for an axis that x doesn't have, or one twice.
    """
    return P.sum(x, axes=axes_of(axis, rank_of(x), "sum"), keepdims=bool(keepdims))


@op
def prod(x, axis=None, keepdims=False, dtype=None):
    """Product over `axis`; small integers and bools are multiplied in 32 bits.

    axis, keepdims: see `sum`. dtype: in which x is taken and the product given; by default its own.
    """
    if dtype is None:
        return _reduced(P.prod, x, axis, keepdims, "prod")
    return cast(_reduced(P.prod, cast(x, dt.name_of(dtype)), axis, keepdims, "prod"), dt.name_of(dtype))


@op
def any(x, axis=None, keepdims=False):
    """Whether one is true over `axis`. axis, keepdims: see `sum`."""
    return _reduced(P.any, x, axis, keepdims, "any")


@op
def all(x, axis=None, keepdims=False):
    """Whether all are true over `axis`. axis, keepdims: see `sum`."""
    return _reduced(P.all, x, axis, keepdims, "all")


def _extremum(primitive: Any, combine: Any, x: Any, axis: Any, keepdims: bool, initial: Any, where: str) -> Any:
    shape = shape_of(x)
    axes = axes_of(axis, len(shape), where)
    if 0 in shape and 0 in [shape[a] for a in axes]:
        if initial is None:
            raise ValueError(f"{where}: there is no extremum over the empty axes {axes} of shape {shape}; give `initial`.")
        kept = tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
        return P.full(shape=kept, value=initial, dtype=dtype_of(x))
    found = primitive(x, axes=axes, keepdims=bool(keepdims))
    return found if initial is None else cast(combine(found, initial), dtype_of(x))


@op
def max(x, axis=None, keepdims=False, initial=None):
    """Largest over `axis`, at least `initial`; NaN if there is one. axis, keepdims: see `sum`.

    Raises:
        ValueError: for empty axes, without `initial`.
    """
    return _extremum(P.max, P.maximum, x, axis, keepdims, initial, "max")


@op
def min(x, axis=None, keepdims=False, initial=None):
    """Smallest over `axis`, at most `initial`; NaN if there is one. axis, keepdims: see `sum`.

    Raises:
        ValueError: for empty axes, without `initial`.
    """
    return _extremum(P.min, P.minimum, x, axis, keepdims, initial, "min")


@op
def amax(x, axis=None, keepdims=False):
    """Largest over `axis`; see `max`."""
    return _extremum(P.max, P.maximum, x, axis, keepdims, None, "amax")


@op
def amin(x, axis=None, keepdims=False):
    """Smallest over `axis`; see `min`."""
    return _extremum(P.min, P.minimum, x, axis, keepdims, None, "amin")


@op
def ptp(x, axis=None, keepdims=False):
    """Largest minus smallest over `axis`. axis, keepdims: see `sum`."""
    return P.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@op
def count_nonzero(x, axis=None):
    """Number (int32) of elements that are not 0 over `axis` (None: all, an int or a tuple)."""
    return _reduced(P.sum, cast(x, "bool"), axis, False, "count_nonzero")


# Places of extremes


def _place(primitive: Any, x: Any, axis: Any, keepdims: bool, where: str) -> Any:
    rank = len(shape_of(x))
    if axis is None:
        found = primitive(ravel(x), axis=0)
        return P.reshape(found, shape=(1,) * rank) if keepdims else found
    axis = axis_of(axis, rank, where)
    found = primitive(x if rank else ravel(x), axis=axis)
    return expand_dims(found, axis) if keepdims and rank else found


@op
def argmax(x, axis=None, keepdims=False):
    """Index (int32) of the first largest along `axis` (an int; None: of the flattened tensor); a NaN counts as largest.

    keepdims: whether the axis (for None, each) stays, with size 1.
    """
    return _place(P.argmax, x, axis, keepdims, "argmax")


@op
def argmin(x, axis=None, keepdims=False):
    """Index (int32) of the first smallest along `axis`; a NaN counts as smallest. axis, keepdims: see `argmax`."""
    return _place(P.argmin, x, axis, keepdims, "argmin")


# Running results and differences


def _cumulative(primitive: Any, x: Any, axis: Any, dtype: Any, where: str) -> Any:
    x = x if dtype is None else cast(x, dt.name_of(dtype))
    x = ravel(x) if axis is None or not shape_of(x) else x
    return primitive(x, axis=axis_of(axis or 0, len(shape_of(x)), where))


@op
def cumsum(x, axis=None, dtype=None):
    """Running sum along `axis` (None: of the flattened tensor).

    dtype: of the sums; that of x by default, int32 for bools.
    """
    return _cumulative(P.cumsum, x, axis, dtype, "cumsum")


@op
def cumprod(x, axis=None, dtype=None):
    """Running product along `axis` (None: of the flattened tensor).

    dtype: of the products; that of x by default, int32 for bools.
    """
    return _cumulative(P.cumprod, x, axis, dtype, "cumprod")


def _ends(x: Any, axis: int) -> tuple[Any, Any]:
    """x without its first and without its last element along `axis`."""
    size = shape_of(x)[axis]
    first = 1 if size else 0
    return slice_axis(x, axis, first, size), slice_axis(x, axis, 0, size - first)


@op
def diff(a, n=1, axis=-1):
    """n-th difference of neighbours of `a` along `axis`, which gets shorter by n; of bools, whether they differ.

    Raises:
        ValueError: for a scalar, or negative n.
    """
    n = size_given(n, "diff: n")
    if not shape_of(a):
        raise ValueError("diff: a scalar has no neighbours.")
    axis = axis_of(axis, len(shape_of(a)), "diff")
    for _ in range(n):
        a = P.subtract(*_ends(a, axis))
    return a


@op
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Integral of y along `axis` by the trapezoidal rule, at places x (a vector, or like y) or every `dx`."""
    axis = axis_of(axis, len(shape_of(y)), "trapezoid")
    later, earlier = _ends(y, axis)
    mean = P.divide(P.add(cast(later, dt.to_float(dtype_of(y))), earlier), 2)
    if x is not None:
        gaps = diff(x, axis=0 if len(shape_of(x)) == 1 else axis)
        if len(shape_of(x)) == 1:
            gaps = P.reshape(gaps, shape=tuple(n if i == axis else 1 for i, n in enumerate(shape_of(mean))))
    else:
        gaps = dx
    return P.sum(P.multiply(mean, gaps), axes=(axis,))


# NaNs counted as missing


def _missing(x: Any) -> Any:
    return P.not_equal(x, x)


def _filled(x: Any, value: Any) -> Any:
    return P.where(_missing(x), constant(value, x), x) if dt.is_differentiable(dtype_of(x)) else x


@op
def nansum(x, axis=None, keepdims=False):
    """Sum over `axis`, NaNs as 0. axis, keepdims: see `sum`."""
    return sum(_filled(x, 0), axis, keepdims)


@op
def nanprod(x, axis=None, keepdims=False):
    """Product over `axis`, NaNs as 1. axis, keepdims: see `sum`."""
    return prod(_filled(x, 1), axis, keepdims)


@op
def nancumsum(x, axis=None, dtype=None):
    """Running sum along `axis`, NaNs as 0. axis, dtype: see `cumsum`."""
    return cumsum(_filled(x, 0), axis, dtype)


@op
def nancumprod(x, axis=None, dtype=None):
    """Running product along `axis`, NaNs as 1. axis, dtype: see `cumprod`."""
    return cumprod(_filled(x, 1), axis, dtype)


def _nan_extremum(op: Any, worst: float, x: Any, axis: Any, keepdims: bool) -> Any:
    if not dt.is_float(dtype_of(x)):
        return op(x, axis, keepdims)
    found = op(_filled(x, worst), axis, keepdims)
    return P.where(all(_missing(x), axis, keepdims), math.nan, found)


@op
def nanmax(x, axis=None, keepdims=False):
    """Largest over `axis` but for NaNs; NaN where there is nothing else. axis, keepdims: see `sum`."""
    return _nan_extremum(max, -math.inf, x, axis, keepdims)


@op
def nanmin(x, axis=None, keepdims=False):
    """Smallest over `axis` but for NaNs; NaN where there is nothing else. axis, keepdims: see `sum`."""
    return _nan_extremum(min, math.inf, x, axis, keepdims)


def _nan_place(op: Any, worst: float, x: Any, axis: Any, keepdims: bool) -> Any:
    if not dt.is_float(dtype_of(x)):
        return op(x, axis, keepdims)
    return P.where(all(_missing(x), axis, keepdims), -1, op(_filled(x, worst), axis, keepdims))


@op
def nanargmax(x, axis=None, keepdims=False):
    """Index (int32) of the first largest along `axis` but for NaNs; -1 where there is nothing else.

    axis, keepdims: see `argmax`.
    """
    return _nan_place(argmax, -math.inf, x, axis, keepdims)


@op
def nanargmin(x, axis=None, keepdims=False):
    """Index (int32) of the first smallest along `axis` but for NaNs; -1 where there is nothing else.

    axis, keepdims: see `argmax`.
    """
    return _nan_place(argmin, math.inf, x, axis, keepdims)


export(globals())
