"""Elements by their indices."""

from __future__ import annotations

import builtins

import numpy as np

from cornu import primitives as P
from cornu.ops.common import axis_of, shape_of, wrapped
from cornu.ops.numpy.manipulation import ravel
from cornu.ops.op import export, op


@op
def take(x, indices, axis=None):
    """Slices of x at `indices` along `axis` (None: of the flattened tensor); negative indices count from the end."""
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "take")
    return P.take(x, wrapped(indices, shape_of(x)[axis]), axis=axis)


@op
def take_along_axis(x, indices, axis=None):
    """One element of x along `axis` per element of `indices`; other dimensions broadcast."""
    if axis is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    rank = len(shape_of(x))
    axis = axis_of(axis, rank, "take_along_axis")
    size = shape_of(x)[axis]
    mutual = [n if n != 1 else m for n, m in zip(shape_of(x), shape_of(indices), strict=True)]
    x = P.broadcast_to(x, shape=tuple(size if i == axis else n for i, n in enumerate(mutual)))
    indices = P.broadcast_to(indices, shape=tuple(shape_of(indices)[axis] if i == axis else n for i, n in enumerate(mutual)))
    return P.take_along_axis(x, wrapped(indices, size), axis=axis)


@op
def get_item(x, key):
    """`x[key]` with ints, slices, None, Ellipsis, and at most one array of indices (or a mask for concrete tensors)."""
    keys = list(key) if isinstance(key, tuple) else [key]
    rank = len(shape_of(x))
    consumed = builtins.sum(k is not None and k is not Ellipsis for k in keys)
    if consumed > rank:
        raise IndexError(f"get_item: too many indices ({consumed}) for a tensor of shape {shape_of(x)}.")
    whole = [slice(None)] * (rank - consumed)
    spot = next((i for i, k in enumerate(keys) if k is Ellipsis), None)
    keys = keys + whole if spot is None else keys[:spot] + whole + keys[spot + 1 :]
    start: list[int] = []
    limit: list[int] = []
    strides: list[int] = []
    flips, shape, arrays = [], [], []
    axis = 0
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        size = shape_of(x)[axis]
        if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
            if not -size <= k < size:
                raise IndexError(f"get_item: index {k} is out of bounds for axis {axis} of shape {shape_of(x)}.")
            row = (int(k) % size, int(k) % size + 1, 1)
        elif isinstance(k, slice):
            row = _positive(k, size)
            if (k.step or 1) < 0:
                flips.append(axis)
            shape.append(-((row[0] - row[1]) // row[2]))
        else:
            arrays.append((len(shape), k))
            row = (0, size, 1)
            shape.append(size)
        for target, value in zip((start, limit, strides), row, strict=True):
            target.append(value)
        axis += 1
    if len(arrays) > 1:
        raise NotImplementedError("get_item: several index arrays at once are not supported; use ops.take or ops.take_along_axis.")
    y = P.slice(x, start=tuple(start), limit=tuple(limit), strides=tuple(strides))
    y = P.flip(y, axes=tuple(flips)) if flips else y
    y = P.reshape(y, shape=tuple(shape))
    return take(y, arrays[0][1], arrays[0][0]) if arrays else y


def _positive(k: slice, size: int) -> tuple[int, int, int]:
    start, stop, step = k.indices(size)
    if step > 0:
        return start, builtins.max(start, stop), step
    count = builtins.max(0, -((start - stop) // step))
    low = start + (count - 1) * step if count else 0
    return low, (start + 1 if count else 0), -step


export(globals())
