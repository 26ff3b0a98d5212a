"""The same elements in other places: shapes, order, joining, splitting, padding, repetition."""

from __future__ import annotations

import builtins
import itertools
import math

import numpy as np

from cornu import primitives as P
from cornu.ops.common import (
    axes_of,
    axis_of,
    cast,
    check_divides,
    constant,
    dtype_of,
    ints,
    numbers,
    permuted,
    rank_of,
    shape_given,
    shape_of,
    slice_axis,
    tensor,
)
from cornu.ops.op import export, op
from cornu.primitives import dtypes as dt


@op
def reshape(x, newshape):
    """The same elements in another shape.

    newshape: an int or a sequence; one size may be -1 (or None) and follows from the others.

    Raises:
        ValueError: if the number of elements differs, or the size of -1 is not determined.
    """
    shape = newshape if isinstance(newshape, (list, tuple)) else tuple(newshape) if np.iterable(newshape) else (newshape,)
    if -1 in shape or None in shape:
        shape, have = list(ints([-1 if n is None else n for n in shape], "reshape")), shape_of(x)
        rest = math.prod(n for n in shape if n != -1)
        if shape.count(-1) > 1 or rest == 0:
            raise ValueError(f"reshape: the size of -1 is not determined in {shape}, for a tensor of shape {have}.")
        check_divides(rest, math.prod(have), f"reshape: a tensor of shape {have} can't be reshaped to {shape}.")
        shape = [math.prod(have) // rest if n == -1 else n for n in shape]
    return P.reshape(x, shape=shape_given(shape, "reshape"))


@op
def ravel(x):
    """x as a vector."""
    return P.reshape(x, shape=(math.prod(shape_of(x)),))


# Order of dimensions and elements


@op
def transpose(x, axes=None):
    """Dimensions in the order of `axes`, a permutation; reversed by default."""
    rank = rank_of(x)
    if axes is None:
        return P.transpose(x, axes=tuple(reversed(range(rank))))
    given = axes if isinstance(axes, (tuple, list)) else ints(axes, "transpose")
    return P.transpose(x, axes=tuple([axis_of(a, rank, "transpose") for a in given]))


@op
def swapaxes(x, axis1, axis2):
    """Dimensions `axis1` and `axis2` exchanged."""
    order = list(range(len(shape_of(x))))
    a, b = axis_of(axis1, len(order), "swapaxes"), axis_of(axis2, len(order), "swapaxes")
    order[a], order[b] = order[b], order[a]
    return permuted(x, order)


@op
def moveaxis(x, source, destination):
    """Dimensions `source` moved to the places `destination` (ints, or sequences of as many); the rest keeps its order.

    Raises:
        ValueError: unless as many different axes stand on both sides.
    """
    rank = len(shape_of(x))
    sources = [axis_of(a, rank, "moveaxis") for a in ints(source, "moveaxis")]
    targets = [axis_of(a, rank, "moveaxis") for a in ints(destination, "moveaxis")]
    if len(sources) != len(targets) or len({*sources}) != len(sources) or len({*targets}) != len(targets):
        raise ValueError(f"moveaxis: {source} can't move to {destination}: as many different axes are needed on both sides.")
    order = [i for i in range(rank) if i not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return permuted(x, order)


@op
def flip(x, axis=None):
    """Elements in reverse order along `axis` (an int or a tuple; all by default)."""
    return P.flip(x, axes=axes_of(axis, len(shape_of(x)), "flip"))


@op
def flipud(x):
    """Rows in reverse order."""
    return flip(x, 0)


@op
def fliplr(x):
    """Columns in reverse order."""
    return flip(x, 1)


@op
def rot90(array, k=1, axes=(0, 1)):
    """The plane of two `axes` of `array` turned `k` times by 90 degrees, from the first axis towards the second.

    Raises:
        ValueError: if the axes aren't two different ones.
    """
    rank = len(shape_of(array))
    if rank < 2 or len(axes) != 2 or axis_of(axes[0], rank, "rot90") == axis_of(axes[1], rank, "rot90"):
        raise ValueError(f"rot90: expected two different axes of a tensor of at least 2 dimensions, got axes {axes} of shape {shape_of(array)}.")
    turns = k % 4
    if turns == 0:
        return tensor(array)
    if turns == 2:
        return flip(array, axes)
    return swapaxes(flip(array, axes[1]), *axes) if turns == 1 else flip(swapaxes(array, *axes), axes[1])


@op
def roll(x, shift, axis=None):
    """Elements moved on by `shift` along `axis`, those past the end to the front; flattened for it if `axis` is None.

    shift, axis: ints, or tuples of as many.
    """
    if axis is None:
        return P.reshape(roll(ravel(x), builtins.sum(ints(shift, "roll")), 0), shape=shape_of(x))
    shifts, places = ints(shift, "roll"), ints(axis, "roll")
    if len(shifts) != len(places) and 1 not in (len(shifts), len(places)):
        raise ValueError(f"roll: as many shifts as axes are needed, got shift {shift} and axis {axis}.")
    count = builtins.max(len(shifts), len(places))
    for amount, place in zip(shifts * (count // len(shifts)), places * (count // len(places)), strict=True):
        place = axis_of(place, len(shape_of(x)), "roll")
        size = shape_of(x)[place]
        cut = -amount % size if size else 0
        if cut:
            x = P.concatenate(slice_axis(x, place, cut, size), slice_axis(x, place, 0, cut), axis=place)
    return tensor(x)


# Dimensions of size 1


@op
def expand_dims(x, axis):
    """New dimensions of size 1 at `axis` (an int or a tuple) of the result."""
    given = ints(axis, "expand_dims")
    rank = len(shape_of(x)) + len(given)
    axes = axes_of(given, rank, "expand_dims")
    sizes = iter(shape_of(x))
    return P.reshape(x, shape=tuple(1 if i in axes else next(sizes) for i in range(rank)))


@op
def squeeze(x, axis=None):
    """Dimensions of size 1 removed: all, or those at `axis` (an int or a tuple)."""
    shape = shape_of(x)
    axes = [i for i, n in enumerate(shape) if n == 1] if axis is None else axes_of(axis, len(shape), "squeeze")
    for a in axes:
        if shape[a] != 1:
            raise ValueError(f"squeeze: dimension {a} of shape {shape} is not 1.")
    return P.reshape(x, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


@op
def broadcast_to(x, shape):
    """x repeated to `shape` by the broadcasting rules."""
    return P.broadcast_to(x, shape=shape_given(shape, "broadcast_to"))


# Joining


def _tensors(xs, where):
    if not isinstance(xs, (list, tuple)):  # a tensor: its slices
        xs = [P.reshape(slice_axis(xs, 0, i, i + 1), shape=shape_of(xs)[1:]) for i in range(shape_of(xs)[0])]
    if not xs:
        raise ValueError(f"{where}: there are no tensors.")
    return list(xs)


@op
def concatenate(xs, axis=0):
    """Tensors `xs` (a list; of a tensor, its slices) joined along `axis` (None: flattened first); dtypes promote."""
    xs = _tensors(xs, "concatenate")
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    return P.concatenate(*xs, axis=axis_of(axis, rank_of(xs[0]), "concatenate"))


@op
def stack(x, axis=0):
    """Tensors of one shape (a list; of a tensor, its slices) joined along a new dimension at `axis` of the result.

    Raises:
        ValueError: if the shapes differ.
    """
    xs = _tensors(x, "stack")
    if len({shape_of(item) for item in xs}) > 1:
        raise ValueError(f"stack: the shapes differ: {', '.join(str(shape_of(item)) for item in xs)}.")
    axis = axis_of(axis, len(shape_of(xs[0])) + 1, "stack")
    return P.concatenate(*[expand_dims(item, axis) for item in xs], axis=axis)


def _at_least(x, rank):
    """x with dimensions of 1 before its own (after them for a third one)."""
    shape = shape_of(x)
    if len(shape) >= rank:
        return x
    row = shape or (1,)
    row = (1, *row) if len(row) < 2 <= rank else row
    return P.reshape(x, shape=(*row, 1) if rank == 3 else row)


@op
def vstack(xs):
    """Tensors `xs` joined along the first dimension; vectors are rows."""
    return P.concatenate(*[_at_least(x, 2) for x in _tensors(xs, "vstack")], axis=0)


@op
def hstack(xs):
    """Tensors `xs` joined along the second dimension; vectors along their only one."""
    xs = [_at_least(x, 1) for x in _tensors(xs, "hstack")]
    return P.concatenate(*xs, axis=0 if len(shape_of(xs[0])) == 1 else 1)


@op
def dstack(xs):
    """Tensors `xs` joined along the third dimension; (N,) counts as (1, N, 1), (M, N) as (M, N, 1)."""
    return P.concatenate(*[_at_least(x, 3) for x in _tensors(xs, "dstack")], axis=2)


@op
def append(x1, x2, axis=None):
    """x2 after x1 along `axis` (None: both flattened)."""
    return concatenate([x1, x2], axis)


# Splitting


@op
def split(x, indices_or_sections, axis=0):
    """A list of parts along `axis`.

    indices_or_sections: an int for so many equal parts, else the indices at which to cut.

    Raises:
        ValueError: if the parts can't be equal (`array_split` makes some larger).
    """
    size = shape_of(x)[axis_of(axis, len(shape_of(x)), "split")] if shape_of(x) else 0
    if isinstance(indices_or_sections, (int, np.integer)):
        check_divides(
            int(indices_or_sections), size, f"split: {size} elements along axis {axis} can't be split into {indices_or_sections} equal parts."
        )
    return array_split(x, indices_or_sections, axis)


@op
def array_split(x, indices_or_sections, axis=0):
    """A list of parts along `axis`, as `split` gives it; where so many parts can't be equal, the first ones are larger.

    indices_or_sections: see `split`.
    """
    shape = shape_of(x)
    axis = axis_of(axis, len(shape), "split")
    if not shape:
        raise ValueError("split: a scalar can't be split.")
    size = shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1:
            raise ValueError(f"split: the number of parts must be positive, got {indices_or_sections}.")
        small, larger = divmod(size, indices_or_sections)
        cuts = [small * i + builtins.min(i, larger) for i in range(1, indices_or_sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    edges = [0, *[slice(c).indices(size)[1] for c in cuts], size]
    return [slice_axis(x, axis, a, builtins.max(a, b)) for a, b in itertools.pairwise(edges)]


@op
def vsplit(x, indices_or_sections):
    """A list of parts along the first of at least two dimensions; see `split`."""
    if len(shape_of(x)) < 2:
        raise ValueError(f"vsplit: expected at least 2 dimensions, got shape {shape_of(x)}.")
    return split(x, indices_or_sections, 0)


@op
def hsplit(x, indices_or_sections):
    """A list of parts along the second dimension, of a vector along its only one; see `split`."""
    return split(x, indices_or_sections, 0 if len(shape_of(x)) == 1 else 1)


@op
def dsplit(x, indices_or_sections):
    """A list of parts along the third dimension; see `split`."""
    return split(x, indices_or_sections, 2)


# Padding and repetition


def _pad_pairs(pad_width, rank):
    try:
        pairs = np.broadcast_to(np.asarray(pad_width), (rank, 2))
        assert pairs.dtype.kind in "iu"
    except (ValueError, AssertionError):
        raise ValueError(
            f"pad: pad_width must be an int, (before, after), or one such pair for each of {rank} dimensions, got {pad_width}."
        ) from None
    if (pairs < 0).any():
        raise ValueError(f"pad: pad_width must not be negative, got {pad_width}.")
    return pairs.tolist()


_STATISTICS = ("maximum", "minimum", "mean", "median")
_PLACES = {"reflect": "reflect", "symmetric": "symmetric", "edge": "edge", "wrap": "wrap", "circular": "wrap"}


@op
def pad(x, pad_width, mode="constant", constant_values=None):
    """x padded by `pad_width`: an int, a (before, after) pair, or one pair per dimension.

    mode: "constant" (with `constant_values`, 0 by default) or "empty"; "edge", "reflect", "symmetric", "wrap" or "circular";
    "linear_ramp" (to 0); "maximum", "minimum", "mean" or "median" of the axis.

    Raises:
        ValueError: for an unknown mode, `constant_values` with another mode, negative or ill-shaped widths.
    """
    rank = len(shape_of(x))
    pairs = _pad_pairs(pad_width, rank)
    if constant_values is not None and mode != "constant":
        raise ValueError(f"pad: constant_values makes sense with mode='constant' only, got mode={mode!r}.")
    if mode in ("constant", "empty"):
        value = constant(0, x) if constant_values is None else cast(constant_values, dtype_of(x))
        return P.pad(x, value, low=tuple(p[0] for p in pairs), high=tuple(p[1] for p in pairs), interior=(0,) * rank)
    if mode not in (*_PLACES, *_STATISTICS, "linear_ramp"):
        raise ValueError(f"pad: there is no mode {mode!r}. The modes are: constant, empty, linear_ramp, {', '.join((*_PLACES, *_STATISTICS))}.")
    for axis, (before, after) in enumerate(pairs):
        size = shape_of(x)[axis]
        if before or after:
            if not size:
                raise ValueError(f"pad: an empty axis {axis} of shape {shape_of(x)} can't be padded with mode={mode!r}.")
            x = _padded(x, axis, before, after, mode)
    return tensor(x)


def _padded(x, axis, before, after, mode):
    size = shape_of(x)[axis]
    if mode in _PLACES:
        places = np.pad(np.arange(size), (before, after), mode=_PLACES[mode])  # type: ignore[call-overload]
        return P.take(x, places.astype("int32"), axis=axis)
    column = lambda n: tuple(n if i == axis else 1 for i in range(len(shape_of(x))))  # noqa: E731
    if mode == "linear_ramp":
        dtype = dt.to_float(dtype_of(x))
        up = P.divide(P.iota(shape=column(before), axis=axis, dtype=dtype), float(builtins.max(before, 1)))
        down = P.divide(P.flip(P.iota(shape=column(after), axis=axis, dtype=dtype), axes=(axis,)), float(builtins.max(after, 1)))
        first = P.multiply(slice_axis(x, axis, 0, 1), up)
        last = P.multiply(slice_axis(x, axis, size - 1, size), down)
    else:
        first = last = _statistic(x, axis, mode)
    dtype = dtype_of(x)
    ends = []
    for end, count in ((first, before), (last, after)):
        if not dt.is_float(dtype) and dt.is_float(dtype_of(end)):
            end = P.floor(end) if mode == "linear_ramp" else P.round(end)
        shape = tuple(count if i == axis else n for i, n in enumerate(shape_of(x)))
        ends.append(P.broadcast_to(cast(end, dtype), shape=shape))
    return P.concatenate(ends[0], x, ends[1], axis=axis)


def _statistic(x, axis, mode):
    if mode in ("maximum", "minimum"):
        return (P.max if mode == "maximum" else P.min)(x, axes=(axis,), keepdims=True)
    size = shape_of(x)[axis]
    if mode == "mean":
        return P.divide(P.sum(x, axes=(axis,), keepdims=True), float(size))
    ordered = P.sort(x, axis=axis)
    middle = [slice_axis(ordered, axis, i, i + 1) for i in ((size - 1) // 2, size // 2)]
    return P.divide(P.add(*middle), 2)


@op
def repeat(x, repeats, axis=None):
    """Each element repeated `repeats` (an int, or one per element) times along `axis` (None: flattened)."""
    x = ravel(x) if axis is None else x
    axis = 0 if axis is None else axis_of(axis, len(shape_of(x)), "repeat")
    size = shape_of(x)[axis]
    counts = np.asarray(numbers(repeats, "repeat"))
    if counts.ndim > 1 or counts.size not in (1, size) or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"repeat: repeats must be an int, or one for each of {size} elements along axis {axis}, got {repeats}.")
    if counts.size == 1:  # without an index of the size of a dimension that may be unknown
        shape = shape_of(x)
        wide = (*shape[: axis + 1], int(counts.reshape(())), *shape[axis + 1 :])
        spread = P.broadcast_to(expand_dims(x, axis + 1), shape=wide)
        return P.reshape(spread, shape=(*shape[:axis], size * wide[axis + 1], *shape[axis + 1 :]))
    return P.take(x, np.repeat(np.arange(size), counts).astype("int32"), axis=axis)


@op
def tile(x, repeats):
    """x laid out `repeats` times (an int for the last, or one for each dimension)."""
    counts, shape = shape_given(repeats, "tile"), shape_of(x)
    rank = builtins.max(len(shape), len(counts))
    shape, counts = (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(counts)) + counts
    inner = P.reshape(x, shape=tuple(n for size in shape for n in (1, size)))
    wide = P.broadcast_to(inner, shape=tuple(n for c, size in zip(counts, shape, strict=True) for n in (c, size)))
    return P.reshape(wide, shape=tuple(c * size for c, size in zip(counts, shape, strict=True)))


# Diagonals


@op
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The elements with equal indices along `axis1` and `axis2`, as a new last dimension.

    offset: how much greater the second index is; negative: smaller.

    Raises:
        ValueError: for less than two dimensions, or twice the same axis.
    """
    rank = len(shape_of(x))
    if rank < 2:
        raise ValueError(f"diagonal: expected at least 2 dimensions, got shape {shape_of(x)}.")
    a, b = axis_of(axis1, rank, "diagonal"), axis_of(axis2, rank, "diagonal")
    if a == b:
        raise ValueError(f"diagonal: axis1 and axis2 must differ, got {axis1} and {axis2}.")
    y = permuted(x, [i for i in range(rank) if i not in (a, b)] + [a, b])
    *batch, rows, columns = shape_of(y)
    count = builtins.max(builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0)), 0)
    start = offset if offset >= 0 else -offset * columns
    flat = P.reshape(y, shape=(*batch, rows * columns))
    if not count:
        return slice_axis(flat, len(batch), 0, 0)
    return slice_axis(flat, len(batch), start, start + (count - 1) * (columns + 1) + 1, columns + 1)


@op
def diag(x, k=0):
    """The k-th diagonal of a matrix, or a matrix with the vector x as its k-th diagonal."""
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ValueError(f"diag: expected a vector or a matrix, got shape {shape}.")
    n = shape[0] + builtins.abs(k)
    if not shape[0]:
        return P.full(shape=(n, n), value=0, dtype=dtype_of(x))
    # The diagonal of a matrix in a row: an element, then n zeros.
    start = k if k >= 0 else -k * n
    high = n * n - start - (shape[0] - 1) * (n + 1) - 1
    return P.reshape(P.pad(x, constant(0, x), low=(start,), high=(high,), interior=(n,)), shape=(n, n))


@op
def diagflat(x, k=0):
    """A matrix with the elements of x as its k-th diagonal."""
    return diag(ravel(x), k)


# Facts about a tensor


@op
def size(x):
    """Number of elements: an int (of a symbolic tensor with unknown dimensions, a scalar)."""
    return math.prod(shape_of(x))


@op
def ndim(x):
    """Number of dimensions: an int."""
    return len(shape_of(x))


export(globals())
