"""Primitives in ONNX that move, reduce and sort elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cornu.graph.onnx.dims import Dim
from cornu.graph.onnx.elementwise import HALF, LOWERING, is_float, lowers, wide
from cornu.graph.onnx.writer import Ref, Writer
from cornu.primitives import dtypes as dt


def _vector(o: Writer, values: Any) -> Ref:
    return o.constant(np.array(values, "int64"))


# Shapes


@lowers
def reshape(o: Writer, x: Ref, *, shape: Any) -> Ref:
    return o.reshape(x, shape)


@lowers
def transpose(o: Writer, x: Ref, *, axes: Any) -> Ref:
    return o.Transpose(x, perm=list(axes))


@lowers
def broadcast_to(o: Writer, x: Ref, *, shape: Any) -> Ref:
    return o.expand(x, shape)


@lowers
def concatenate(o: Writer, *xs: Ref, axis: int) -> Ref:
    return o.Concat(*xs, axis=axis)


@lowers
def pad(o: Writer, x: Ref, value: Ref, *, low: Any, high: Any, interior: Any) -> Ref:
    shape = list(x.shape)
    for axis, gap in enumerate(interior):
        if gap and not isinstance(shape[axis], Dim) and shape[axis] > 1:
            shape[axis] = shape[axis] * (gap + 1)
            x = _spread(o, x, value, axis, gap, shape)
            high = (*high[:axis], high[axis] - gap, *high[axis + 1 :])
    if any(n < 0 for n in (*low, *high)):
        axes = [i for i in range(len(low)) if low[i] < 0 or high[i] < 0]
        starts = [max(-low[i], 0) for i in axes]
        # The end is counted from the end; what is left may be nothing.
        ends = [high[i] if high[i] < 0 else 2**31 - 1 for i in axes]
        x = o.Slice(x, _vector(o, starts), _vector(o, ends), _vector(o, axes))
    if any(n > 0 for n in (*low, *high)):
        x = o.Pad(x, _vector(o, [max(n, 0) for n in (*low, *high)]), value)
    return x


def _spread(o: Writer, x: Ref, value: Ref, axis: int, gap: int, shape: Any) -> Ref:
    """x with `gap` values after each element along an axis."""
    count = shape[axis] // (gap + 1)
    apart = [*shape[:axis], count, 1, *shape[axis + 1 :]]
    rank = len(apart)
    pads = [0] * (rank + axis + 1) + [gap] + [0] * (rank - axis - 2)
    return o.reshape(o.Pad(o.reshape(x, apart), _vector(o, pads), value), shape)


@lowers
def slice(o: Writer, x: Ref, *, start: Any, limit: Any, strides: Any) -> Ref:
    axes = [i for i in range(len(start)) if (start[i], strides[i]) != (0, 1) or limit[i] != x.shape[i]]
    if not axes:
        return x
    ends = o.ints([limit[i] for i in axes])
    return o.Slice(x, _vector(o, [start[i] for i in axes]), ends, _vector(o, axes), _vector(o, [strides[i] for i in axes]))


@lowers
def flip(o: Writer, x: Ref, *, axes: Any) -> Ref:
    if not axes:
        return x
    n = len(axes)
    return o.Slice(x, _vector(o, [-1] * n), _vector(o, [-(2**31)] * n), _vector(o, axes), _vector(o, [-1] * n))


# Gathers and scatters


def _clipped(o: Writer, indices: Ref, size: Any) -> Ref:
    """Indices moved into [0, size), as int64."""
    wide = o.cast(indices, "int64")
    top = o.reshape(o.size(size - 1), ()) if isinstance(size, Dim) else max(size - 1, 0)
    return o.Min(o.Max(wide, 0), top)


@lowers
def take(o: Writer, x: Ref, indices: Ref, *, axis: int) -> Ref:
    return o.Gather(x, _clipped(o, indices, x.shape[axis]), axis=axis)


@lowers
def take_along_axis(o: Writer, x: Ref, indices: Ref, *, axis: int) -> Ref:
    return o.GatherElements(x, _clipped(o, indices, x.shape[axis]), axis=axis)


@lowers
def scatter(o: Writer, x: Ref, indices: Ref, updates: Ref, *, mode: str) -> Ref:
    depth = indices.shape[-1]
    if depth == 0 or 0 in updates.shape or 0 in x.shape:
        return x if depth else _scatter_whole(o, x, updates, mode)
    if x.dtype in HALF or x.dtype == "bool":
        target = "float32" if x.dtype in HALF else "int32"
        wide = Ref(o.cast(x, target).name, target, x.shape), indices, Ref(o.cast(updates, target).name, target, updates.shape)
        return o.cast(scatter(o, *wide, mode=mode), x.dtype)
    # One more row takes what is out of range.
    places, rest = math.prod(x.shape[:depth]), x.shape[depth:]
    count = math.prod(indices.shape[:-1])
    rows = o.cast(o.reshape(indices, (count, depth)), "int64")
    inside = o.And(o.GreaterOrEqual(rows, 0), o.Less(rows, o.ints(x.shape[:depth])))
    inside = o.Equal(o.ReduceSum(o.cast(inside, "int64"), _vector(o, [1]), keepdims=1), depth)
    steps = o.ints([math.prod(x.shape[i + 1 : depth]) for i in range(depth)])
    flat = o.ReduceSum(o.Mul(rows, steps), _vector(o, [1]), keepdims=1)
    flat = o.Where(inside, flat, o.size(places))
    row = o.filled((1, *rest), 0, x.dtype)
    table = o.Concat(o.reshape(x, (places, *rest)), row, axis=0)
    reduction = {"update": "none", "multiply": "mul"}.get(mode, mode)
    done = o.ScatterND(table, flat, o.reshape(updates, (count, *rest)), reduction=reduction)
    return o.reshape(o.slice(done, 0, 0, -1), x.shape)


def _scatter_whole(o: Writer, x: Ref, updates: Ref, mode: str) -> Ref:
    """Rows without coordinates: each update concerns all of x."""
    if 0 in updates.shape:
        return x
    count = math.prod(updates.shape[: len(updates.shape) - len(x.shape)])
    rows = o.reshape(updates, (count, *x.shape))
    op = {"add": "Add", "multiply": "Mul", "max": "Max", "min": "Min"}.get(mode)
    for i in range(count):
        row = o.reshape(o.slice(rows, 0, i, i + 1), x.shape)
        x = o.node(op, x, row) if op else row
    return x


def _start(o: Writer, start: Ref, shape: Any, sizes: Any) -> Ref:
    """The start of a block, moved inside, as int64."""
    room = o.ints([n - taken for n, taken in zip(shape, sizes, strict=True)])
    return o.Min(o.Max(o.cast(start, "int64"), 0), room)


@lowers
def dynamic_slice(o: Writer, x: Ref, start: Ref, *, sizes: Any) -> Ref:
    if not sizes:
        return x
    first = _start(o, start, x.shape, sizes)
    return o.Slice(x, first, o.Add(first, o.ints(sizes)))


@lowers
def dynamic_update_slice(o: Writer, x: Ref, update: Ref, start: Ref) -> Ref:
    if not x.shape:
        return update
    first = _start(o, start, x.shape, update.shape)
    after = o.Sub(o.ints([n - own for n, own in zip(x.shape, update.shape, strict=True)]), first)
    pads = o.Concat(first, after, axis=0)
    here = o.Pad(o.filled(update.shape, True, "bool"), pads)
    return o.Where(here, o.Pad(update, pads), x)


# Reductions


def _reduced(o: Writer, op: str, x: Ref, axes: Any, keepdims: bool) -> Ref:
    return o.node(op, x, _vector(o, axes), keepdims=int(keepdims)) if axes else x


def _accumulating(op: str) -> Any:
    def lowered(o: Writer, x: Ref, *, axes: Any, keepdims: bool = False) -> Ref:
        if x.dtype in HALF:
            return o.cast(_reduced(o, op, o.cast(x, "float32"), axes, keepdims), x.dtype)
        x = o.cast(x, dt.accumulate(x.dtype))
        if op == "ReduceSum" and dt.itemsize(x.dtype) == 8 and not is_float(x) and axes:
            return _exact_sum(o, x, axes, keepdims)
        return _reduced(o, op, x, axes, keepdims)

    return lowered


def _exact_sum(o: Writer, x: Ref, axes: Any, keepdims: bool) -> Ref:
    """ONNX Runtime sums int64 in double precision; its matrix product does not."""
    kept = [i for i in range(len(x.shape)) if i not in axes]
    rows = o.Transpose(x, perm=[*kept, *axes])
    shape = [x.shape[i] for i in kept]
    count = math.prod([x.shape[i] for i in axes])
    total = o.MatMul(o.reshape(rows, [*shape, 1, count]), o.filled((count, 1), 1, x.dtype))
    return o.reshape(total, [1 if i in axes else n for i, n in enumerate(x.shape)] if keepdims else shape)


def _extremum(op: str) -> Any:
    @wide
    def lowered(o: Writer, x: Ref, *, axes: Any, keepdims: bool = False) -> Ref:
        found = _reduced(o, op, x, axes, keepdims)
        if not is_float(x) or not axes:
            return found
        # ONNX Runtime passes over NaNs, or not, as they lie.
        nans = o.ReduceMax(o.cast(o.IsNaN(x), "uint8"), _vector(o, axes), keepdims=int(keepdims))
        return o.Where(o.cast(nans, "bool"), math.nan, found)

    return lowered


LOWERING["sum"], LOWERING["prod"] = _accumulating("ReduceSum"), _accumulating("ReduceProd")
LOWERING["max"], LOWERING["min"] = _extremum("ReduceMax"), _extremum("ReduceMin")


@lowers
def any_(o: Writer, x: Ref, *, axes: Any, keepdims: bool = False) -> Ref:
    return o.Greater(_reduced(o, "ReduceSum", o.cast(x, "int32"), axes, keepdims), 0) if axes else x


@lowers
def all_(o: Writer, x: Ref, *, axes: Any, keepdims: bool = False) -> Ref:
    return o.Not(any_(o, o.Not(x), axes=axes, keepdims=keepdims)) if axes else x


def wide_operand(function: Any) -> Any:
    """Decorator: half precision is read as float32."""
    return lambda o, x, **params: function(o, o.cast(x, "float32") if x.dtype in HALF else x, **params)


def _place_of(op: str) -> Any:
    @wide_operand
    def lowered(o: Writer, x: Ref, *, axis: int) -> Ref:
        found = o.node(op, x, axis=axis, keepdims=0, dtype="int64")
        if is_float(x):  # a NaN counts as extreme
            nans = o.cast(o.IsNaN(x), "uint8")
            some = o.cast(o.ReduceMax(nans, _vector(o, [axis]), keepdims=0), "bool")
            found = o.Where(some, o.ArgMax(nans, axis=axis, keepdims=0, dtype="int64"), found)
        return o.cast(found, "int32")

    return lowered


LOWERING["argmax"], LOWERING["argmin"] = _place_of("ArgMax"), _place_of("ArgMin")


@lowers
@wide
def cumsum(o: Writer, x: Ref, *, axis: int, reverse: bool = False) -> Ref:
    x = o.cast(x, "int32") if x.dtype == "bool" else x
    return o.CumSum(x, o.constant(axis, "int64"), reverse=int(reverse))


@lowers
@wide
def cumprod(o: Writer, x: Ref, *, axis: int, reverse: bool = False) -> Ref:
    x = o.cast(x, "int32") if x.dtype == "bool" else x
    return o.CumProd(x, o.constant(axis, "int64"), reverse=int(reverse))


# Sorting


def _keys(o: Writer, x: Ref) -> Ref:
    """Integers in the order of x: NaNs last, zeros alike whatever their sign."""
    if not is_float(x):
        return x
    x = o.cast(x, "float32") if x.dtype in HALF else x
    bits, top = ("int32", 2**31 - 1) if x.dtype == "float32" else ("int64", 2**63 - 1)
    x = o.Where(o.Equal(x, 0), 0, x)  # ONNX Runtime leaves x + 0 out
    plain = o.bits(o.Where(o.IsNaN(x), math.nan, x), bits)
    return o.Where(o.Less(plain, 0), o.BitwiseXor(plain, top), plain)


def _order(o: Writer, x: Ref, axis: int) -> Ref:
    return o.TopK(_keys(o, x), o.size(x.shape[axis]), axis=axis, largest=0, sorted=1, results=2)[1]


@lowers
def argsort(o: Writer, x: Ref, *, axis: int) -> Ref:
    return o.cast(_order(o, x, axis), "int32")


@lowers
def sort(o: Writer, x: Ref, *, axis: int) -> Ref:
    return o.GatherElements(x, _order(o, x, axis), axis=axis)


@lowers
def searchsorted(o: Writer, ordered: Ref, values: Ref, *, side: str = "left") -> Ref:
    """The number of elements before each value."""
    rank = len(values.shape)
    row, column = _keys(o, ordered), o.Unsqueeze(_keys(o, values), _vector(o, [rank]))
    before = o.Less(row, column) if side == "left" else o.LessOrEqual(row, column)
    return o.ReduceSum(o.cast(before, "int32"), _vector(o, [rank]), keepdims=0)
