"""Elements by their indices, and indices by their elements."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from cornu import primitives as P
from cornu.ops.common import (
    axis_of,
    broadcast_shapes,
    cast,
    constant,
    counted,
    data_size,
    dtype_of,
    permuted,
    shape_given,
    shape_of,
    size_given,
    slice_axis,
    tensor,
    wrapped,
)
from cornu.ops.numpy.manipulation import ravel
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def where(condition, x1=None, x2=None):
    """x1 where `condition` holds, else x2; all broadcast. Without x1 and x2: the indices where it holds, as `nonzero`.

    Raises:
        ValueError: if only one of x1 and x2 is given.
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("where: give both x1 and x2, or neither.")
    return nonzero(condition) if x1 is None else P.where(condition, x1, x2)


@op
def nonzero(x):
    """The indices (int32) of the elements that are not 0: a tuple of vectors, one for each dimension.

    Their length depends on the values, so that it can't be compiled.
    """
    shape = shape_of(x)
    mask = ravel(cast(x, "bool"))
    count = data_size(P.sum(mask, axes=(0,)), "nonzero", math.prod(shape))
    order = P.argsort(P.logical_not(mask), axis=0)  # stable: the true ones first
    return unravel_index(slice_axis(order, 0, 0, count), shape)


@op
def unravel_index(indices, shape):
    """Indices into a flattened tensor of `shape` as a tuple of indices, one for each dimension; negative ones count from the end."""
    sizes = shape_given(shape, "unravel_index")
    flat = wrapped(counted(indices), math.prod(sizes))
    found = []
    for size in reversed(sizes):
        found.append(P.mod(flat, builtins.max(size, 1)))
        flat = P.floor_divide(flat, builtins.max(size, 1))
    return tuple(reversed(found))


@op
def take(x, indices, axis=None):
    """Slices of x at `indices` along `axis` (None: of the flattened tensor).

    Negative indices count from the end; those out of range are moved into it.
    """
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "take")
    return P.take(x, wrapped(indices, shape_of(x)[axis]), axis=axis)


@op
def take_along_axis(x, indices, axis=None):
    """One element of x along `axis` (None: both are flattened) per element of `indices`; other dimensions broadcast.

    Negative indices count from the end; those out of range are moved into it.
    """
    if axis is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    rank = len(shape_of(x))
    axis = axis_of(axis, rank, "take_along_axis")
    if len(shape_of(indices)) != rank:
        raise ValueError(f"take_along_axis: x of shape {shape_of(x)} and indices of shape {shape_of(indices)} differ in rank.")
    size, count = shape_of(x)[axis], shape_of(indices)[axis]
    rest = lambda shape: (*shape[:axis], *shape[axis + 1 :])  # noqa: E731
    mutual = broadcast_shapes("take_along_axis", rest(shape_of(x)), rest(shape_of(indices)))
    x = P.broadcast_to(x, shape=(*mutual[:axis], size, *mutual[axis:]))
    indices = P.broadcast_to(indices, shape=(*mutual[:axis], count, *mutual[axis:]))
    return P.take_along_axis(x, wrapped(indices, size), axis=axis)


def _is_array(key):
    return isinstance(key, list) or (hasattr(key, "shape") and not isinstance(key, np.integer))


def _full_key(key, rank, shape):
    """The key with its Ellipsis written out, and masks as index arrays."""
    keys: list[Any] = []
    for k in key if isinstance(key, tuple) else (key,):
        keys.extend(nonzero(k) if _is_array(k) and dtype_of(k) == "bool" else [k])
    consumed = builtins.sum(k is not None and k is not Ellipsis for k in keys)
    if consumed > rank:
        raise IndexError(f"get_item: too many indices ({consumed}) for a tensor of shape {shape}.")
    spots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(spots) > 1:
        raise IndexError("get_item: there can be only one Ellipsis.")
    spot = spots[0] if spots else len(keys)
    return keys[:spot] + [slice(None)] * (rank - consumed) + keys[spot + 1 :]


@op
def get_item(x, key):
    """`x[key]` as in NumPy: ints, slices, None, Ellipsis, tensors or lists of indices, and masks (whose count must be known).

    Index tensors broadcast together; negative indices count from the end; in tensors, those out of range are moved into it.

    Raises:
        IndexError: for too many indices, an int out of range.
    """
    shape = shape_of(x)
    keys = _full_key(key, len(shape), shape)
    start: list[int] = []
    limit: list[int] = []
    strides: list[int] = []
    flips, kept, arrays = [], [], []
    advanced = builtins.any(map(_is_array, keys))  # then ints are index tensors too
    axis = 0
    for k in keys:
        if k is None:
            kept.append(1)
            continue
        size = shape[axis]
        if isinstance(k, slice):
            row = _positive(k, size)
            if (k.step or 1) < 0:
                flips.append(len(start))
            kept.append(-((row[0] - row[1]) // row[2]))
        else:
            k = k if _is_array(k) else _checked(k, axis, shape)
            row = (0, size, 1) if advanced else (k, k + 1, 1)
            if advanced:
                arrays.append((len(kept), k))
                kept.append(size)
        for target, value in zip((start, limit, strides), row, strict=True):
            target.append(value)
        axis += 1
    y = P.slice(x, start=tuple(start), limit=tuple(limit), strides=tuple(strides))
    y = P.flip(y, axes=tuple(flips)) if flips else y
    y = P.reshape(y, shape=tuple(kept))
    return _at_arrays(y, arrays) if arrays else y


def _checked(k, axis, shape):
    """An index that is not negative."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"get_item: expected ints, slices, None, Ellipsis or tensors as indices, got {k!r}.")
    if not -shape[axis] <= k < shape[axis]:
        raise IndexError(f"get_item: index {k} is out of bounds for axis {axis} of shape {shape}.")
    return int(k) % shape[axis]


def _positive(k, size):
    """A slice as (start, limit, positive step)."""
    start, stop, step = k.indices(size)
    if step > 0:
        return start, builtins.max(start, stop), step
    count = builtins.max(-((stop - start) // -step), 0)
    low = start + (count - 1) * step if count else 0
    return low, (start + 1 if count else 0), -step


def _at_arrays(x, arrays):
    """x indexed by several index tensors at once: one `take` from x with the indexed dimensions merged."""
    shape = shape_of(x)
    axes = [axis for axis, _ in arrays]
    indices = [wrapped(k if isinstance(k, int) else tensor(k), shape[axis]) for axis, k in arrays]
    common = broadcast_shapes("get_item", *map(shape_of, indices))
    flat = P.full(shape=(), value=0, dtype="int32")
    for axis, k in zip(axes, indices, strict=True):
        inside = P.minimum(P.maximum(k, 0), builtins.max(shape[axis] - 1, 0)) if len(axes) > 1 else k
        flat = P.add(P.multiply(flat, shape[axis]), inside)
    rest = [i for i in range(len(shape)) if i not in axes]
    merged = P.reshape(permuted(x, axes + rest), shape=(math.prod(shape[a] for a in axes), *[shape[i] for i in rest]))
    y = P.take(merged, P.broadcast_to(flat, shape=common), axis=0)
    if axes != list(range(axes[0], axes[-1] + 1)):
        return y  # apart: their dimensions come first
    front, count = axes[0], len(common)
    order = [*range(count, count + front), *range(count), *range(count + front, count + len(rest))]
    return permuted(y, order)


@op
def select(condlist, choicelist, default=0):
    """From the first of `condlist` (bools) that holds, the element of `choicelist` (as many tensors); where none does, `default`.

    All broadcast together.

    Raises:
        ValueError: unless there are as many conditions as choices, and at least one.
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ValueError(f"select: as many conditions as choices are needed, got {len(condlist)} and {len(choicelist)}.")
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = P.where(condition, choice, y)
    return y


@op
def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each number occurs in a vector of integers that are not negative (or the sum of its weights).

    The result (int32, or of the weights' dtype) has `max(x) + 1` elements, at least `minlength`: that depends on the values, so
    that it can't be compiled. A matrix is counted row by row.

    weights: of x's shape. sparse: must be False.

    Raises:
        TypeError: if x has another rank, or no integers.
        ValueError: for weights of another shape, or sparse.
    """
    if sparse:
        raise ValueError("bincount: sparse tensors are not supported.")
    shape = shape_of(x)
    if len(shape) not in (1, 2) or not (dt.is_integer(dtype_of(x)) or dtype_of(x) == "bool"):
        raise TypeError(f"bincount: expected a vector (or a matrix, row by row) of integers, got {dtype_of(x)} of shape {shape}.")
    if weights is not None and shape_of(weights) != shape:
        raise ValueError(f"bincount: weights of shape {shape_of(weights)} don't fit x of shape {shape}.")
    x = cast(x, "int32")
    top = P.max(x, axes=tuple(range(len(shape)))) if math.prod(shape) else constant(-1, x)
    count = builtins.max(data_size(P.add(top, 1), "bincount"), size_given(minlength, "bincount: minlength"))
    values = P.full(shape=shape, value=1, dtype="int32") if weights is None else tensor(weights)
    if len(shape) == 1:
        zero = P.full(shape=(count,), value=0, dtype=dtype_of(values))
        return P.scatter(zero, P.reshape(x, shape=(*shape, 1)), values, mode="add")
    zero = P.full(shape=(shape[0], count), value=0, dtype=dtype_of(values))
    rows = P.iota(shape=(*shape, 1), axis=0, dtype="int32")
    return P.scatter(zero, P.concatenate(rows, P.reshape(x, shape=(*shape, 1)), axis=2), values, mode="add")


export(globals())
