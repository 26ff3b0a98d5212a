"""The same elements in other places: shapes, order, joining, splitting, padding, repetition."""

from __future__ import annotations

import builtins
import itertools
import math

import numpy as np

from cornu import primitives as P
from cornu.ops.common import Tensor, axes_of, axis_of, dtype_of, shape_given, shape_of, slice_axis
from cornu.ops.op import export, op


@op
def reshape(x, newshape):
    """The same elements in another shape; one size may be -1."""
    shape = (newshape,) if isinstance(newshape, (int, np.integer)) else tuple(newshape)
    size = math.prod(shape_of(x))
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or rest == 0 or size % rest:
            raise ValueError(f"reshape: a tensor of shape {shape_of(x)} can't be reshaped to {shape}.")
        shape = tuple(size // rest if n == -1 else n for n in shape)
    return P.reshape(x, shape=tuple(int(n) for n in shape))


@op
def ravel(x):
    """x as a vector."""
    return P.reshape(x, shape=(math.prod(shape_of(x)),))


@op
def transpose(x, axes=None):
    """Dimensions permuted; reversed by default."""
    rank = len(shape_of(x))
    return P.transpose(x, axes=tuple(reversed(range(rank))) if axes is None else tuple(axis_of(a, rank, "transpose") for a in axes))


@op
def swapaxes(x, axis1, axis2):
    """Two dimensions exchanged."""
    order = list(range(len(shape_of(x))))
    a, b = axis_of(axis1, len(order), "swapaxes"), axis_of(axis2, len(order), "swapaxes")
    order[a], order[b] = order[b], order[a]
    return P.transpose(x, axes=tuple(order))


@op
def moveaxis(x, source, destination):
    """Dimensions moved to other places; the rest keeps its order."""
    rank = len(shape_of(x))
    sources = [axis_of(a, rank, "moveaxis") for a in ([source] if isinstance(source, int) else source)]
    targets = [axis_of(a, rank, "moveaxis") for a in ([destination] if isinstance(destination, int) else destination)]
    order = [i for i in range(rank) if i not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return P.transpose(x, axes=tuple(order))


@op
def expand_dims(x, axis):
    """New dimensions of size 1 at `axis` (an int or a tuple) of the result."""
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    rank = len(shape_of(x)) + len(given)
    axes = axes_of(given, rank, "expand_dims")
    sizes = iter(shape_of(x))
    return P.reshape(x, shape=tuple(1 if i in axes else next(sizes) for i in range(rank)))


@op
def squeeze(x, axis=None):
    """Dimensions of size 1 removed: all, or those at `axis`."""
    shape = shape_of(x)
    axes = [i for i, n in enumerate(shape) if n == 1] if axis is None else axes_of(axis, len(shape), "squeeze")
    for a in axes:
        if shape[a] != 1:
            raise ValueError(f"squeeze: dimension {a} of shape {shape} is not 1.")
    return P.reshape(x, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


@op
def broadcast_to(x, shape):
    """x repeated to `shape` by the broadcasting rules."""
    return P.broadcast_to(x, shape=shape_given(shape))


@op
def concatenate(xs, axis=0):
    """Tensors joined along `axis`."""
    xs = list(xs)
    if not xs:
        raise ValueError("concatenate: there are no tensors.")
    return P.concatenate(*xs, axis=axis_of(axis, len(shape_of(xs[0])), "concatenate"))


@op
def stack(x, axis=0):
    """Tensors of one shape joined along a new dimension at `axis`."""
    xs = list(x)
    if not xs:
        raise ValueError("stack: there are no tensors.")
    if len({shape_of(item) for item in xs}) > 1:
        raise ValueError(f"stack: the shapes differ: {', '.join(str(shape_of(item)) for item in xs)}.")
    axis = axis_of(axis, len(shape_of(xs[0])) + 1, "stack")
    return P.concatenate(*[expand_dims(item, axis) for item in xs], axis=axis)


@op
def split(x, indices_or_sections, axis=0):
    """A list of parts along `axis`: equal ones for an int, else cut at the given indices."""
    shape = shape_of(x)
    axis = axis_of(axis, len(shape), "split")
    if isinstance(indices_or_sections, (int, np.integer)):
        if shape[axis] % indices_or_sections:
            raise ValueError(f"split: {shape[axis]} elements along axis {axis} can't be split into {indices_or_sections} equal parts.")
        size = shape[axis] // indices_or_sections
        cuts = [size * i for i in range(1, indices_or_sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    edges = [0, *[builtins.min(c, shape[axis]) if c >= 0 else c + shape[axis] for c in cuts], shape[axis]]
    return [slice_axis(x, axis, a, builtins.max(a, b)) for a, b in itertools.pairwise(edges)]


@op
def flip(x, axis=None):
    """Elements in reverse order along `axis` (all by default)."""
    return P.flip(x, axes=axes_of(axis, len(shape_of(x)), "flip"))


@op
def pad(x, pad_width, mode="constant", constant_values=None):
    """x padded by `pad_width`: an int, a (before, after) pair, or one pair per dimension.

    mode: "constant" (with `constant_values`, 0 by default), "reflect", "symmetric" or "edge".
    """
    rank = len(shape_of(x))
    pairs = np.broadcast_to(np.asarray(pad_width, int), (rank, 2)).tolist()
    if mode == "constant":
        low, high = tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)
        value = P.cast(constant_values or 0, dtype=dtype_of(x))
        return P.pad(x, value, low=low, high=high, interior=(0,) * rank)
    if constant_values is not None:
        raise ValueError(f"pad: constant_values makes sense with mode='constant' only, got mode={mode!r}.")
    if mode not in ("reflect", "symmetric", "edge"):
        raise ValueError(f"pad: there is no mode {mode!r}, only 'constant', 'reflect', 'symmetric' and 'edge'.")
    for axis, pair in enumerate(pairs):
        if builtins.any(pair):
            index = np.pad(np.arange(shape_of(x)[axis]), pair, mode=mode)
            x = P.take(x, index.astype("int32"), axis=axis)
    return x


@op
def repeat(x, repeats, axis=None):
    """Each element repeated `repeats` (an int, or one per element) times along `axis` (None: flattened)."""
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "repeat")
    return P.take(x, np.repeat(np.arange(shape_of(x)[axis]), np.asarray(repeats)).astype("int32"), axis=axis)


@op
def tile(x, repeats):
    """x laid out `repeats` times along each dimension."""
    counts = [repeats] if isinstance(repeats, (int, np.integer)) else list(repeats)
    shape = shape_of(x)
    rank = builtins.max(len(shape), len(counts))
    shape, counts = (1,) * (rank - len(shape)) + shape, [1] * (rank - len(counts)) + counts
    inner = P.reshape(x, shape=tuple(n for size in shape for n in (1, size)))
    wide = P.broadcast_to(inner, shape=tuple(n for c, size in zip(counts, shape, strict=True) for n in (c, size)))
    return P.reshape(wide, shape=tuple(c * size for c, size in zip(counts, shape, strict=True)))


def size(x: Tensor) -> int:
    """Number of elements."""
    return math.prod(shape_of(x))


def ndim(x: Tensor) -> int:
    """Number of dimensions."""
    return len(shape_of(x))


export(globals())
