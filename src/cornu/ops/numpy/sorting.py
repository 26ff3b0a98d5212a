"""Order: sorting and what follows from it; sets."""

from __future__ import annotations

import math

from cornu import primitives as P
from cornu.ops.common import (
    axis_of,
    cast,
    data_size,
    dtype_of,
    joined,
    permuted,
    shape_given,
    shape_of,
    slice_axis,
)
from cornu.ops.numpy.manipulation import flip, ravel
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def sort(x, axis=-1):
    """Elements in ascending order along `axis` (None: of the flattened tensor), NaNs last."""
    if axis is None or not shape_of(x):
        return P.reshape(P.sort(ravel(x), axis=0), shape=shape_of(x) if not shape_of(x) else (math.prod(shape_of(x)),))
    return P.sort(x, axis=axis_of(axis, len(shape_of(x)), "sort"))


@op
def argsort(x, axis=-1):
    """Indices (int32) that sort along `axis` (None: the flattened tensor); equal elements stay in order, NaNs come last."""
    if axis is None or not shape_of(x):
        return P.reshape(P.argsort(ravel(x), axis=0), shape=shape_of(x) if not shape_of(x) else (math.prod(shape_of(x)),))
    return P.argsort(x, axis=axis_of(axis, len(shape_of(x)), "argsort"))


@op
def argpartition(x, kth, axis=-1):
    """Indices (int32) with the kth smallest element along `axis` in its place, smaller ones before it, larger ones after.

    The others stand in order too: any order is allowed.
    """
    size = math.prod(shape_of(x)) if axis is None else shape_of(x)[axis_of(axis, len(shape_of(x)), "argpartition")]
    if not -size <= kth < size:
        raise ValueError(f"argpartition: kth {kth} is out of bounds for {size} elements.")
    return argsort(x, axis)


@op
def searchsorted(sorted_sequence, values, side="left"):
    """Where (int32) to insert `values` into the vector `sorted_sequence` so that it stays in order.

    side: before ("left") or after ("right") equal elements.
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}.")
    if len(shape_of(sorted_sequence)) != 1:
        raise ValueError(f"searchsorted: the sorted sequence must be a vector, got shape {shape_of(sorted_sequence)}.")
    return P.searchsorted(sorted_sequence, values, side=side)


@op
def digitize(x, bins):
    """Number (int32) of the interval between `bins`, a vector in ascending or descending order, in which each element lies.

    bins[i - 1] <= x < bins[i], or bins[i - 1] > x >= bins[i] for descending ones.
    """
    if len(shape_of(bins)) != 1:
        raise ValueError(f"digitize: bins must be a vector, got shape {shape_of(bins)}.")
    count = shape_of(bins)[0]
    up = P.searchsorted(bins, x, side="right")
    if count < 2:
        return up
    down = P.subtract(count, P.searchsorted(flip(bins), x, side="right"))
    first, last = (P.reshape(slice_axis(bins, 0, i, i + 1), shape=()) for i in (0, count - 1))
    return P.where(P.less_equal(first, last), up, down)


@op
def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of x1 is among those of x2, or is not if `invert`. `assume_unique` changes nothing."""
    pool = ravel(x2)
    dtype, count = joined(x1, x2), shape_of(pool)[0]
    x1, pool = cast(x1, dtype), cast(pool, dtype)
    if not count:
        found = P.full(shape=shape_of(x1), value=False, dtype="bool")
    elif dtype in dt.COMPLEXES:  # no order
        found = P.any(P.equal(P.reshape(x1, shape=(*shape_of(x1), 1)), pool), axes=(len(shape_of(x1)),))
    else:
        ordered = P.sort(pool, axis=0)
        found = P.equal(P.take(ordered, P.searchsorted(ordered, x1, side="left"), axis=0), x1)
    return P.logical_not(found) if invert else found


@op
def unique(
    x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None, fill_value=None
):
    """The different elements of x in ascending order (of slices along `axis`, if given).

    Args:
        x: tensor of real numbers.
        sorted: accepted for Keras; they are always sorted.
        return_index: also give where each occurs first (int32).
        return_inverse: also give the index of each element of x among them (int32).
        return_counts: also give how often each occurs (int32).
        axis: compare slices along this axis; None: elements of the flattened tensor.
        size: give exactly so many, cut off or filled up; needed inside compiled functions, where values aren't known.
        fill_value: what to fill up with; default 0. Indices and counts are filled up with 0.

    Returns:
        A tensor, or a tuple of it and what was asked for, in the order above.
    """
    shape = shape_of(x)
    if axis is None:
        rows = P.reshape(x, shape=(math.prod(shape), 1))
        rest: tuple[int, ...] = ()
    else:
        axis = axis_of(axis, len(shape), "unique")
        order = [axis, *[i for i in range(len(shape)) if i != axis]]
        rest = tuple(shape[i] for i in order[1:])
        rows = P.reshape(permuted(x, order), shape=(shape[axis], math.prod(rest)))
    n = shape_of(rows)[0]
    order = _row_order(rows)
    ordered = P.take(rows, order, axis=0)
    first = _starts(ordered, n)
    group = P.subtract(P.cumsum(cast(first, "int32"), axis=0), 1)  # of each sorted row
    count = data_size(P.sum(first, axes=(0,)), "unique", n) if size is None else shape_given(size, "unique")[0]
    starts = P.scatter(  # where each group begins; those past `count` are dropped
        P.full(shape=(count,), value=n, dtype="int32"),
        P.reshape(P.where(first, group, count), shape=(n, 1)),
        P.iota(shape=(n,), axis=0, dtype="int32"),
        mode="update",
    )
    there = P.less(starts, n)
    values = P.take(ordered, starts, axis=0) if n else P.full(shape=(count, *shape_of(rows)[1:]), value=0, dtype=dtype_of(x))
    filling = cast(0 if fill_value is None else fill_value, dtype_of(x))
    values = P.where(P.reshape(there, shape=(count, 1)), values, filling)
    values = P.reshape(values, shape=(count, *rest))
    results = [values if axis is None else permuted(values, [*range(1, axis + 1), 0, *range(axis + 1, len(shape))])]
    if return_index:
        results.append(P.where(there, P.take(order, starts, axis=0), 0) if n else P.full(shape=(count,), value=0, dtype="int32"))
    if return_inverse:
        inverse = P.take(group, P.argsort(order, axis=0), axis=0) if n else group
        results.append(P.reshape(inverse, shape=shape) if axis is None else inverse)
    if return_counts:
        one = P.full(shape=(n,), value=1, dtype="int32")
        zero = P.full(shape=(count,), value=0, dtype="int32")
        results.append(P.scatter(zero, P.reshape(group, shape=(n, 1)), one, mode="add"))
    return results[0] if len(results) == 1 else tuple(results)


def _row_order(rows):
    """Indices that sort the rows of a matrix, the first column before the second."""
    n, width = shape_of(rows)
    order = P.iota(shape=(n,), axis=0, dtype="int32")
    for column in reversed(range(width)):
        key = P.take(P.reshape(slice_axis(rows, 1, column, column + 1), shape=(n,)), order, axis=0) if n else order
        order = P.take(order, P.argsort(key, axis=0), axis=0) if n else order
    return order


def _starts(ordered, n):
    """Of sorted rows, whether each differs from the one before it."""
    if not n:
        return P.full(shape=(0,), value=False, dtype="bool")
    a, b = slice_axis(ordered, 0, 1, n), slice_axis(ordered, 0, 0, n - 1)
    both_nan = P.logical_and(P.not_equal(a, a), P.not_equal(b, b))
    differs = P.any(P.logical_and(P.not_equal(a, b), P.logical_not(both_nan)), axes=(1,))
    return P.concatenate(P.full(shape=(1,), value=True, dtype="bool"), differs, axis=0)


export(globals())
