"""Reductions, cumulative ops and sorting."""

from __future__ import annotations

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.elementwise import cast, divide, equal, logical_and, multiply, quiet, where, zero_like
from cornu.primitives.primitive import DtypeRule, keep_result, kept, logical, ordered, ordered_kept, ordering, primitive
from cornu.primitives.structure import broadcast_to, concatenate, reshape, slice_axis, take_along_axis, transpose


def reduced(shape, *, axes, keepdims=False, **params):
    """Shape after a reduction over `axes`."""
    _check_axes(shape, *axes)
    if keepdims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def _check_axes(shape, *axes):
    for axis in axes:
        if not 0 <= axis < len(shape):
            raise ValueError(f"axis {axis} is out of bounds for a tensor of shape {shape}")


def _nonempty(shape, *, axes, keepdims=False):
    if 0 in [shape[axis] for axis in axes if axis < len(shape)]:
        raise ValueError(f"there is no extremum over the empty axes {axes} of shape {shape}")
    return reduced(shape, axes=axes, keepdims=keepdims)


def spread(g, shape, axes):
    """Undo a reduction over `axes`: repeat `g` along them."""
    kept_dims = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return broadcast_to(reshape(g, shape=kept_dims), shape=shape)


def _prod_vjp(g, y, x, axes, keepdims):
    """Product of all others, right where elements are zero too: exclusive products from both sides."""
    axes_out = tuple(i for i in range(len(x.shape)) if i not in axes)
    order = axes_out + axes
    moved = transpose(x, axes=order)
    kept_shape = tuple(x.shape[i] for i in axes_out)
    count = int(np.prod([x.shape[i] for i in axes], dtype=int))
    flat = reshape(moved, shape=(*kept_shape, count))
    last = len(kept_shape)
    if not count:
        return (x,)
    one = broadcast_to(cast(1.0, dtype=x.dtype), shape=(*kept_shape, 1))
    before = concatenate(one, slice_axis(cumprod(flat, axis=last, reverse=False), last, 0, count - 1), axis=last)
    after = concatenate(slice_axis(cumprod(flat, axis=last, reverse=True), last, 1, count), one, axis=last)
    others = reshape(multiply(before, after), shape=moved.shape)
    inverse = tuple(int(i) for i in np.argsort(order))
    return (multiply(spread(g, x.shape, axes), transpose(others, axes=inverse)),)


accumulating = DtypeRule(kept.operands, lambda d, **params: dt.accumulate(d))


@primitive(accumulating, reduced, lambda g, y, x, axes, keepdims: (spread(g, x.shape, axes),))
@quiet
def sum(x, *, axes, keepdims=False):
    """Sum over `axes`."""
    return np.sum(x, axis=axes, keepdims=keepdims, dtype=dt.numpy_dtype(dt.accumulate(x.dtype.name)))


@primitive(accumulating, reduced, _prod_vjp)
@quiet
def prod(x, *, axes, keepdims=False):
    """Product over `axes`."""
    return np.prod(x, axis=axes, keepdims=keepdims, dtype=dt.numpy_dtype(dt.accumulate(x.dtype.name)))


def _extremum_vjp(g, y, x, axes, keepdims):
    # Ties share the gradient equally.
    hit = cast(equal(x, spread(y, x.shape, axes)), dtype=x.dtype)
    share = divide(hit, sum(hit, axes=axes, keepdims=True))
    return (multiply(spread(g, x.shape, axes), share),)


@primitive(ordered_kept, _nonempty, _extremum_vjp)
def max(x, *, axes, keepdims=False):
    """Largest over `axes`; NaN if there is one."""
    return np.max(x, axis=axes, keepdims=keepdims)


@primitive(ordered_kept, _nonempty, _extremum_vjp)
def min(x, *, axes, keepdims=False):
    """Smallest over `axes`; NaN if there is one."""
    return np.min(x, axis=axes, keepdims=keepdims)


@primitive(logical, reduced)
def any(x, *, axes, keepdims=False):
    """Whether one is true over `axes`."""
    return np.any(x, axis=axes, keepdims=keepdims)


@primitive(logical, reduced)
def all(x, *, axes, keepdims=False):
    """Whether all are true over `axes`."""
    return np.all(x, axis=axes, keepdims=keepdims)


def _one_axis(shape, *, axis):
    return _nonempty(shape, axes=(axis,))


@primitive(ordering, _one_axis)
def argmax(x, *, axis):
    """Index of the first largest along `axis`; a NaN counts as largest."""
    return np.argmax(x, axis=axis).astype("int32")


@primitive(ordering, _one_axis)
def argmin(x, *, axis):
    """Index of the first smallest along `axis`; a NaN counts as smallest."""
    return np.argmin(x, axis=axis).astype("int32")


def along(shape, *others, axis, **params):
    """The operand's shape; checks the axis."""
    _check_axes(shape, axis)
    return shape


cumulative = keep_result(lambda d, **params: "int32" if d == "bool" else d)


@primitive(cumulative, along, lambda g, y, x, axis, reverse: (cumsum(g, axis=axis, reverse=not reverse),))
@quiet
def cumsum(x, *, axis, reverse=False):
    """Running sum along `axis`, from the end if `reverse`."""
    x = np.flip(x, axis) if reverse else x
    y = np.cumsum(x, axis=axis, dtype="int32" if x.dtype == bool else x.dtype)
    return np.flip(y, axis) if reverse else y


def _cumprod_vjp(g, y, x, axis, reverse):
    """d y_k / d x_i = product of all x up to k but x_i; exact with one zero on the way, as with none.

    Away from zeros it is sum_k>=i g_k y_k / x_i. Past the first zero that quotient is lost: there the products are taken with the
    zero replaced by one, and only the first zero itself receives them.
    """
    one = cast(1.0, dtype=x.dtype)
    zero = equal(x, 0)
    zeros_so_far = cumsum(cast(zero, dtype="int32"), axis=axis, reverse=reverse)
    first_zero = logical_and(zero, equal(zeros_so_far, 1))
    filled = where(first_zero, one, x)
    safe = where(equal(filled, 0), one, filled)
    before = divide(cumsum(multiply(g, y), axis=axis, reverse=not reverse), safe)
    reached = where(equal(zeros_so_far, 1), multiply(g, cumprod(filled, axis=axis, reverse=reverse)), zero_like(g))
    at_zero = cumsum(reached, axis=axis, reverse=not reverse)
    return (where(first_zero, at_zero, where(zero, zero_like(g), before)),)


@primitive(cumulative, along, _cumprod_vjp)
@quiet
def cumprod(x, *, axis, reverse=False):
    """Running product along `axis`, from the end if `reverse`."""
    x = np.flip(x, axis) if reverse else x
    y = np.cumprod(x, axis=axis, dtype="int32" if x.dtype == bool else x.dtype)
    return np.flip(y, axis) if reverse else y


def _sort_vjp(g, y, x, axis):
    order = argsort(x, axis=axis)
    return (take_along_axis(g, argsort(order, axis=axis), axis=axis),)


def _ordered(x):
    """x as a dtype that NumPy orders with NaNs last; bfloat16 is none."""
    return x.astype("float32") if x.dtype.name == "bfloat16" else x


@primitive(ordered_kept, along, _sort_vjp)
def sort(x, *, axis):
    """Ascending along `axis`, NaNs last."""
    return np.sort(_ordered(x), axis=axis).astype(x.dtype)


@primitive(ordering, along)
def argsort(x, *, axis):
    """Indices that sort along `axis`; equal elements stay in order, NaNs come last."""
    return np.argsort(_ordered(x), axis=axis, kind="stable").astype("int32")


def _searchsorted_shape(ordered, values, *, side):
    if len(ordered) != 1:
        raise ValueError(f"the sorted sequence must have one dimension, got shape {ordered}")
    return values


@primitive(DtypeRule(ordered.operands, ordering.result), _searchsorted_shape)
def searchsorted(ordered, values, *, side="left"):
    """Where to insert `values` into the 1-D `ordered` so that it stays sorted: before ("left") or after ("right") equals."""
    if ordered.dtype.kind == "V":  # NumPy's order of bfloat16 has no place for NaN
        ordered, values = ordered.astype("float32"), values.astype("float32")
    return np.searchsorted(ordered, values, side=side).astype("int32")
