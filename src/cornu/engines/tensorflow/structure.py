"""Reductions, cumulative ops, sorting, and the structure of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu.engines.tensorflow.library import by_table, define, kernels, raw, tf, vector
from cornu.primitives import dtypes as dt

# Reductions, cumulative ops, sorting


def quick(axes: tuple[int, ...]) -> Any:
    """Axes as what is converted fastest: an int, or an array."""
    return axes[0] if len(axes) == 1 else vector(axes)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *, axes, keepdims=False: function(x, quick(axes), keepdims)


def _accumulated(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, *, axes: Any, keepdims: bool = False) -> Any:
        x = x if x.dtype.is_floating else tf.cast(x, dt.accumulate(x.dtype.name))
        return function(x, quick(axes), keepdims)

    return kernel


kernels["sum"], kernels["prod"] = _accumulated(raw.Sum), _accumulated(raw.Prod)
kernels["max"], kernels["min"] = _reduction(raw.Max), _reduction(raw.Min)
kernels["any"], kernels["all"] = _reduction(raw.Any), _reduction(raw.All)


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, *, axis: int) -> Any:
        found = function(x, axis, output_type="int32")
        if not x.dtype.is_floating:
            return found
        odd = tf.math.is_nan(x)  # the first NaN, where there is one
        return tf.where(tf.reduce_any(odd, axis), tf.argmax(tf.cast(odd, "uint8"), axis, output_type="int32"), found)

    return kernel


kernels["argmax"], kernels["argmin"] = _place(tf.argmax), _place(tf.argmin)


kernels["cumsum"] = tf.math.cumsum
by_table(tf.math.cumprod)


@define
def argsort(x: Any, *, axis: int) -> Any:
    """By `top_k` upside down: equal ones stay in order."""
    x = _swap(tf.bitwise.invert(as_integers(x)), axis)
    return _swap(tf.math.top_k(x, x.shape[-1]).indices, axis)


def as_integers(x: Any) -> Any:
    """Integers that are ordered as x is: NaN last, all zeros equal."""
    if not x.dtype.is_floating:
        return x
    x = tf.cast(x, "float32") if x.dtype.size == 2 else x
    x = tf.where(x == 0, tf.zeros((), x.dtype), x)  # in a graph TensorFlow leaves x + 0 out
    bits = tf.bitcast(x, "int64" if x.dtype == "float64" else "int32")
    return tf.where(x != x, bits.dtype.max, tf.where(bits < 0, bits ^ bits.dtype.max, bits))


def _swap(x: Any, axis: int) -> Any:
    """Exchange an axis with the last."""
    order = list(range(x.shape.rank))
    order[axis], order[-1] = order[-1], order[axis]
    return x if axis == len(order) - 1 else tf.transpose(x, order)


@define
def searchsorted(ordered: Any, values: Any, *, side: str = "left") -> Any:
    flat = tf.reshape(values, [-1])
    if not ordered.dtype.is_floating:
        return tf.reshape(tf.searchsorted(ordered, flat, side), values.shape)
    # NaNs stand last, which TensorFlow does not know: they are sought as infinities, among the others only.
    infinity = tf.constant(math.inf, ordered.dtype)
    missing, nan = tf.math.is_nan(ordered), tf.math.is_nan(flat)
    found = tf.searchsorted(tf.where(missing, infinity, ordered), tf.where(nan, infinity, flat), side)
    numbers = tf.reduce_sum(tf.cast(~missing, tf.int32))
    place = tf.where(nan, numbers if side == "left" else tf.size(ordered), tf.minimum(found, numbers))
    return tf.reshape(place, values.shape)


# Structure

kernels.take(tf, "broadcast_to")
kernels["reshape"] = lambda x, *, shape: raw.Reshape(x, vector(shape))
kernels["transpose"] = lambda x, *, axes: raw.Transpose(x, vector(axes))
kernels["concatenate"] = lambda *xs, axis: raw.ConcatV2(xs, axis) if len(xs) > 1 else tf.identity(xs[0])


@by_table
def pad(x: Any, value: Any, *, low: Any, high: Any, interior: Any) -> Any:
    for axis, gap in enumerate(interior):
        if gap and x.shape[axis] > 1:  # spread: each element and its gap side by side, without the last gap
            shape, spread = list(x.shape), x.shape[axis] * (gap + 1)
            x = _grown(tf.expand_dims(x, axis + 1), axis + 1, gap, value)
            x = tf.reshape(x, [*shape[:axis], spread, *shape[axis + 1 :]])[(np.s_[:],) * axis + (np.s_[: spread - gap],)]
    if any(max(lo, hi) > 0 for lo, hi in zip(low, high)):
        x = tf.pad(x, [[max(lo, 0), max(hi, 0)] for lo, hi in zip(low, high)], constant_values=value)
    if any(min(lo, hi) < 0 for lo, hi in zip(low, high)):
        x = x[tuple(np.s_[max(-lo, 0) : n - max(-hi, 0)] for n, lo, hi in zip(x.shape, low, high))]
    return x


def _grown(x: Any, axis: int, amount: int, value: Any) -> Any:
    return tf.pad(x, [[0, amount if i == axis else 0] for i in range(x.shape.rank)], constant_values=value)




@define
def slice_(x: Any, *, start: Any, limit: Any, strides: Any) -> Any:
    if not start:
        return x
    return raw.StridedSlice(x, vector(start), vector(limit), vector(strides))


kernels["flip"] = lambda x, *, axes: tf.reverse(x, axes)


def _clipped(indices: Any, size: int) -> Any:
    wide = indices if indices.dtype in ("int32", "int64") else tf.cast(indices, "int64")
    return tf.clip_by_value(wide, 0, max(size - 1, 0))


kernels["take"] = lambda x, indices, *, axis: tf.gather(x, _clipped(indices, x.shape[axis]), axis=axis)


@define
def take_along_axis(x: Any, indices: Any, *, axis: int) -> Any:
    spots = _swap(_clipped(indices, x.shape[axis]), axis)
    return _swap(tf.gather(_swap(x, axis), spots, axis=-1, batch_dims=x.shape.rank - 1), axis)


kernels["sort"] = lambda x, *, axis: take_along_axis(x, argsort(x, axis=axis), axis=axis)


@by_table
def scatter(x: Any, indices: Any, updates: Any, *, mode: str) -> Any:
    if 0 in x.shape:
        return tf.identity(x)
    depth = indices.shape[-1]
    sizes, rest = list(x.shape[:depth]), list(x.shape[depth:])
    rows = tf.reshape(tf.cast(indices, "int64"), [-1, depth])
    inside = tf.reduce_all((rows >= 0) & (rows < tf.constant(sizes, "int64")), 1)
    steps = tf.constant([math.prod(sizes[i + 1 :]) for i in range(depth)], "int64")
    count = math.prod(sizes)
    flat = tf.where(inside, tf.reduce_sum(rows * steps, 1), count)  # rows out of range go to a place of their own
    base = tf.concat([tf.reshape(x, [count, *rest]), tf.zeros([1, *rest], x.dtype)], 0)
    values = tf.reshape(updates, [rows.shape[0], *rest])
    if mode == "multiply":
        base *= tf.math.unsorted_segment_prod(values, flat, count + 1)
    elif mode == "add" and x.dtype == "bool":
        base |= tf.math.unsorted_segment_max(tf.cast(values, "int8"), flat, count + 1) > 0
    else:
        base = getattr(tf, f"tensor_scatter_nd_{mode}")(base, flat[:, None], values)
    return tf.reshape(base[:count], x.shape)


def _inside(start: Any, shape: Any, sizes: Any) -> Any:
    wide = start if start.dtype in ("int32", "int64") else tf.cast(start, "int64")
    return tf.clip_by_value(wide, 0, tf.constant([n - size for n, size in zip(shape, sizes)], wide.dtype))


kernels["dynamic_slice"] = lambda x, start, *, sizes: tf.slice(x, _inside(start, x.shape, sizes), sizes) if sizes else x


@define
def dynamic_update_slice(x: Any, update: Any, start: Any) -> Any:
    if not update.shape.rank:
        return update
    begin = _inside(start, x.shape, update.shape)
    end = begin + tf.constant(tuple(update.shape), begin.dtype)
    return tf.raw_ops.TensorStridedSliceUpdate(input=x, begin=begin, end=end, strides=tf.ones_like(begin), value=update)
