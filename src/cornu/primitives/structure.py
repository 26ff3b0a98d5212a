"""Primitives that move elements: shapes, slices, gathers and scatters."""

from __future__ import annotations

import math

import numpy as np

from cornu.primitives import dtypes as dt
from cornu.primitives.elementwise import (
    add,
    cast,
    divide,
    equal,
    full,
    iota,
    maximum,
    minimum,
    multiply,
    quiet,
    where,
    zero_like,
)
from cornu.primitives.primitive import DtypeRule, joined, kept, lookup, primitive


def zeros(shape, dtype):
    """A tensor of zeros."""
    return full(shape=tuple(shape), value=0, dtype=dtype)


def _reshape_shape(x, *, shape):
    if math.prod(x) != math.prod(shape):
        raise ValueError(f"a tensor of shape {x} ({math.prod(x)} elements) can't be reshaped to {shape}")
    return tuple(shape)


@primitive(kept, _reshape_shape, lambda g, y, x, shape: (reshape(g, shape=x.shape),))
def reshape(x, *, shape):
    """The same elements in row-major order under another shape (no -1 here)."""
    return np.reshape(x, shape)


def _transpose_shape(x, *, axes):
    if sorted(axes) != list(range(len(x))):
        raise ValueError(f"axes {axes} are no permutation of the dimensions of shape {x}")
    return tuple(x[i] for i in axes)


@primitive(kept, _transpose_shape, lambda g, y, x, axes: (transpose(g, axes=tuple(int(i) for i in np.argsort(axes))),))
def transpose(x, *, axes):
    """Dimensions reordered: axis i of the result is axis `axes[i]` of x."""
    return np.transpose(x, axes)


def _broadcast_shape(x, *, shape):
    tail = shape[len(shape) - len(x) :]
    if len(x) > len(shape) or any(size not in (1, wide) for size, wide in zip(x, tail, strict=True)):
        raise ValueError(f"shape {x} can't be broadcast to {shape}")
    return tuple(shape)


@primitive(kept, _broadcast_shape, lambda g, y, x, shape: (g,))
def broadcast_to(x, *, shape):
    """x repeated to `shape` by NumPy's rules. (Its cotangent is un-broadcast like that of any broadcasting primitive.)"""
    return np.broadcast_to(x, shape)


def _concatenate_shape(*shapes, axis):
    first = shapes[0]
    if not 0 <= axis < len(first):
        raise ValueError(f"axis {axis} is out of bounds for tensors of shape {first}")
    for shape in shapes:
        if len(shape) != len(first) or any(i != axis and a != b for i, (a, b) in enumerate(zip(shape, first, strict=True))):
            raise ValueError(f"shapes {', '.join(map(str, shapes))} differ outside of axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _concatenate_vjp(g, y, *xs, axis):
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    return [slice_axis(g, axis, end - x.shape[axis], end) for x, end in zip(xs, ends, strict=True)]


@primitive(joined, _concatenate_shape, _concatenate_vjp)
def concatenate(*xs, axis):
    """Tensors joined along `axis`."""
    return np.concatenate(xs, axis=axis)


def _pad_shape(x, value, *, low, high, interior):
    if not len(x) == len(low) == len(high) == len(interior) or value != ():
        raise ValueError(f"padding {low}, {high}, {interior} needs one entry per dimension of shape {x}, and a scalar value")
    sizes = tuple(
        size + lo + hi + max(size - 1, 0) * gap for size, lo, hi, gap in zip(x, low, high, interior, strict=True)
    )
    if min(sizes, default=0) < 0:
        raise ValueError(f"padding {low}, {high} crops more than there is of shape {x}")
    return sizes


def _pad_vjp(g, y, x, value, low, high, interior):
    # The adjoint drops what was added (and gives zeros to what was cropped), then keeps every (interior + 1)-th element.
    zero = zero_like(g)
    spread = tuple(size + max(size - 1, 0) * gap for size, gap in zip(x.shape, interior, strict=True))
    whole = pad(g, zero, low=tuple(-v for v in low), high=tuple(-v for v in high), interior=(0,) * len(low))
    inner = slice(whole, start=(0,) * len(low), limit=spread, strides=tuple(gap + 1 for gap in interior))
    mask = pad(zeros(x.shape, g.dtype), cast(1.0, dtype=g.dtype), low=low, high=high, interior=interior)
    return inner, lookup("sum")(multiply(g, mask), axes=tuple(range(len(g.shape))), keepdims=False)


@primitive(joined, _pad_shape, _pad_vjp)
def pad(x, value, *, low, high, interior):
    """x with `value` before (`low`), after (`high`) and between (`interior`) its elements; negative `low`/`high` crop."""
    sizes = _pad_shape(x.shape, (), low=[max(v, 0) for v in low], high=[max(v, 0) for v in high], interior=interior)
    y = np.full(sizes, value, x.dtype)
    spots = [
        np.s_[max(lo, 0) : max(lo, 0) + max((n - 1) * (gap + 1) + 1, 0) : gap + 1] for n, lo, gap in zip(x.shape, low, interior)
    ]
    y[tuple(spots)] = x
    crop = [np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, lo, hi in zip(sizes, low, high)]
    return y[tuple(crop)]


def _slice_shape(x, *, start, limit, strides):
    if not len(x) == len(start) == len(limit) == len(strides):
        raise ValueError(f"a slice {start}:{limit}:{strides} needs one entry per dimension of shape {x}")
    for size, lo, hi, step in zip(x, start, limit, strides, strict=True):
        if not (0 <= lo <= hi <= size and step > 0):
            raise ValueError(f"slice {start}:{limit}:{strides} is out of bounds for shape {x}")
    return tuple(-((lo - hi) // step) for lo, hi, step in zip(start, limit, strides, strict=True))


def _slice_vjp(g, y, x, start, limit, strides):
    taken = [max(n - 1, 0) * step + (n > 0) for n, step in zip(g.shape, strides, strict=True)]
    high = tuple(size - lo - n for size, lo, n in zip(x.shape, start, taken, strict=True))
    return (pad(g, zero_like(g), low=tuple(start), high=high, interior=tuple(step - 1 for step in strides)),)


@primitive(kept, _slice_shape, _slice_vjp)
def slice(x, *, start, limit, strides):
    """Elements from `start` up to `limit` in steps of `strides`, per dimension."""
    return x[tuple(np.s_[a:b:c] for a, b, c in zip(start, limit, strides))]


def slice_axis(x, axis, start, limit, stride=1):
    """A slice along one axis."""
    rank = len(x.shape)
    return slice(
        x,
        start=tuple(start if i == axis else 0 for i in range(rank)),
        limit=tuple(limit if i == axis else x.shape[i] for i in range(rank)),
        strides=tuple(stride if i == axis else 1 for i in range(rank)),
    )


@primitive(kept, lambda x, *, axes: x, lambda g, y, x, axes: (flip(g, axes=axes),))
def flip(x, *, axes):
    """Elements in reverse order along `axes`."""
    return np.flip(x, axes)


def _index_operand(*dtypes):
    for name in dtypes[1:2]:
        if not dt.is_integer(dt.strong(name)):
            raise TypeError(f"indices must be integers, got {name}")
    return kept.operands(*dtypes)


gathering = DtypeRule(_index_operand, kept.result)


def _take_shape(x, indices, *, axis):
    if not 0 <= axis < len(x):
        raise ValueError(f"axis {axis} is out of bounds for a tensor of shape {x}")
    if x[axis] == 0 and math.prod(indices) > 0:
        raise ValueError(f"there is nothing to take from the empty axis {axis} of shape {x}")
    return (*x[:axis], *indices, *x[axis + 1 :])


def _take_vjp(g, y, x, indices, axis):
    """Add each slice of g where it was taken from."""
    count = math.prod(indices.shape)
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    g = reshape(g, shape=(*x.shape[:axis], count, *x.shape[axis + 1 :]))
    g = transpose(g, axes=(axis, *range(axis), *range(axis + 1, len(x.shape))))
    where_from = reshape(clip_indices(indices, x.shape[axis]), shape=(count, 1))
    summed = scatter(zeros((x.shape[axis], *rest), g.dtype), where_from, g, mode="add")
    return transpose(summed, axes=(*range(1, axis + 1), 0, *range(axis + 1, len(x.shape)))), None


def clip_indices(indices, size):
    """Indices moved into [0, size)."""
    return minimum(maximum(indices, 0), size - 1)


@primitive(gathering, _take_shape, _take_vjp)
def take(x, indices, *, axis):
    """Slices of x along `axis` at `indices`; those out of range are clipped."""
    return np.take(x, indices, axis=axis, mode="clip")


def _take_along_shape(x, indices, *, axis):
    if len(x) != len(indices) or not 0 <= axis < len(x):
        raise ValueError(f"indices of shape {indices} don't fit a tensor of shape {x} along axis {axis}")
    if any(a != b for i, (a, b) in enumerate(zip(x, indices, strict=True)) if i != axis):
        raise ValueError(f"indices of shape {indices} differ from shape {x} outside of axis {axis}")
    return tuple(indices)


def _take_along_vjp(g, y, x, indices, axis):
    grids = [iota(shape=g.shape, axis=i, dtype="int32") for i in range(len(g.shape))]
    grids[axis] = cast(clip_indices(indices, x.shape[axis]), dtype="int32")
    where_from = concatenate(*[reshape(grid, shape=(*g.shape, 1)) for grid in grids], axis=len(g.shape))
    return scatter(zeros(x.shape, g.dtype), where_from, g, mode="add"), None


@primitive(gathering, _take_along_shape, _take_along_vjp)
def take_along_axis(x, indices, *, axis):
    """Elements of x along `axis` at `indices`, one per element; those out of range are clipped."""
    return np.take_along_axis(x, np.clip(indices, 0, max(x.shape[axis] - 1, 0)).astype("int64"), axis)


SCATTER_MODES = ("add", "update", "max", "min", "multiply")


def _scatter_dtypes(x, indices, updates):
    if not dt.is_integer(dt.strong(indices)):
        raise TypeError(f"indices must be integers, got {indices}")
    target = dt.result_type(x, updates) if x in dt.WEAK.values() else x
    return target, dt.strong(indices), target


def _scatter_shape(x, indices, updates, *, mode):
    depth = indices[-1] if indices else 0
    if depth > len(x) or updates != (*indices[:-1], *x[depth:]) or not indices:
        raise ValueError(f"updates of shape {updates} at indices of shape {indices} don't fit a tensor of shape {x}")
    if mode not in SCATTER_MODES:
        raise ValueError(f"there is no scatter mode {mode!r}, only {', '.join(SCATTER_MODES)}")
    return x


def gather(x, indices):
    """The slices x[indices[..., 0], ..., indices[..., k-1]]; the inverse reading of `scatter`."""
    depth = indices.shape[-1]
    steps = [math.prod(x.shape[i + 1 : depth]) for i in range(depth)]
    flat = zeros(indices.shape[:-1], "int32")
    for i, step in enumerate(steps):
        column = cast(reshape(slice_axis(indices, len(indices.shape) - 1, i, i + 1), shape=indices.shape[:-1]), dtype="int32")
        flat = add(flat, multiply(clip_indices(column, x.shape[i]), step))
    return take(reshape(x, shape=(math.prod(x.shape[:depth]), *x.shape[depth:])), flat, axis=0)


def _scatter_vjp(g, y, x, indices, updates, mode):
    inside = None  # rows out of range were dropped: no gradient for them
    for i in range(indices.shape[-1]):
        column = slice_axis(indices, len(indices.shape) - 1, i, i + 1)
        ok = equal(column, clip_indices(column, x.shape[i]))
        inside = ok if inside is None else multiply(inside, ok)
    taken = gather(g, indices)
    if inside is not None:
        rows = reshape(inside, shape=(*indices.shape[:-1], *(1,) * (len(updates.shape) - len(indices.shape) + 1)))
        taken = where(rows, taken, zero_like(g))
    if mode == "add":
        return g, None, taken
    if mode == "update":
        return scatter(g, indices, zeros(updates.shape, g.dtype), mode="update"), None, taken
    if mode == "multiply":
        return multiply(g, divide(y, x)), None, multiply(taken, divide(gather(y, indices), updates))
    hit_x = cast(equal(x, y), dtype=g.dtype)
    hit_updates = cast(equal(updates, gather(y, indices)), dtype=g.dtype)
    count = scatter(hit_x, indices, hit_updates, mode="add")
    return divide(multiply(g, hit_x), count), None, divide(multiply(taken, hit_updates), gather(count, indices))


@primitive(DtypeRule(_scatter_dtypes, kept.result), _scatter_shape, _scatter_vjp, checked=True)
@quiet
def scatter(x, indices, updates, *, mode):
    """x with `updates` combined into its slices at `indices` (rows of leading coordinates); rows out of range are dropped.

    Of several "update"s of one place any may win.
    """
    depth = indices.shape[-1]
    rows = indices.reshape(-1, depth)
    values = updates.reshape(len(rows), *x.shape[depth:])
    inside = np.all((rows >= 0) & (rows < np.array(x.shape[:depth], dtype="int64")), axis=1)
    spots = tuple(rows[inside].astype("int64").T)
    y = np.array(x)
    if mode == "update":
        y[spots] = values[inside]
    else:
        combine = {"add": np.add, "max": np.maximum, "min": np.minimum, "multiply": np.multiply}[mode]
        combine.at(y, spots, values[inside])
    return y


def _dynamic_slice_shape(x, start, *, sizes):
    if start != (len(x),) or len(sizes) != len(x) or any(n > size for n, size in zip(sizes, x, strict=True)):
        raise ValueError(f"a block of sizes {sizes} starting at a vector of shape {start} doesn't fit shape {x}")
    return tuple(sizes)


@primitive(
    gathering,
    _dynamic_slice_shape,
    lambda g, y, x, start, sizes: (dynamic_update_slice(zeros(x.shape, g.dtype), g, start), None),
)
def dynamic_slice(x, start, *, sizes):
    """The block of `sizes` that begins at `start` (a vector), moved inside where it would stick out."""
    first = np.clip(start, 0, np.array(x.shape) - np.array(sizes))
    return x[tuple(np.s_[a : a + n] for a, n in zip(first.tolist(), sizes))]


def _update_shape(x, update, start):
    if start != (len(x),) or len(update) != len(x) or any(n > size for n, size in zip(update, x, strict=True)):
        raise ValueError(f"an update of shape {update} starting at a vector of shape {start} doesn't fit shape {x}")
    return x


def _update_vjp(g, y, x, update, start):
    return (
        dynamic_update_slice(g, zeros(update.shape, g.dtype), start),
        dynamic_slice(g, start, sizes=update.shape),
        None,
    )


@primitive(
    DtypeRule(lambda x, update, start: (dt.strong(x), dt.strong(x), dt.strong(start)), kept.result),
    _update_shape,
    _update_vjp,
    checked=True,
)
def dynamic_update_slice(x, update, start):
    """x with the block at `start` (a vector) replaced by `update`, moved inside where it would stick out."""
    first = np.clip(start, 0, np.array(x.shape) - np.array(update.shape))
    y = np.array(x)
    y[tuple(np.s_[a : a + n] for a, n in zip(first.tolist(), update.shape))] = update
    return y
