"""Matrix products, convolution and pooling in ONNX, whose images have their channels first."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from cornu.graph.onnx.elementwise import LOWERING, lowers, wide
from cornu.graph.onnx.structure import pad
from cornu.graph.onnx.writer import Ref, Writer
from cornu.primitives import dtypes as dt
from cornu.primitives.contraction import window_output_size


@lowers
@wide
def matmul(o: Writer, x1: Ref, x2: Ref) -> Ref:
    if x1.dtype == "bool":
        return o.cast(o.MatMul(o.cast(x1, "int32"), o.cast(x2, "int32")), "bool")
    return o.MatMul(x1, x2)


def _channels_first(o: Writer, x: Ref) -> Ref:
    rank = len(x.shape)
    return o.Transpose(x, perm=[0, rank - 1, *range(1, rank - 1)])


def _channels_last(o: Writer, x: Ref, rank: int) -> Ref:
    return o.Transpose(x, perm=[0, *range(2, rank), 1])


def _padded(o: Writer, x: Ref, padding: Any, value: Any = 0) -> Ref:
    """x with its spatial dimensions padded, and cropped where that is negative."""
    low, high = (0, *[lo for lo, _ in padding], 0), (0, *[hi for _, hi in padding], 0)
    y = pad(o, x, o.constant(value, x.dtype), low=low, high=high, interior=(0,) * len(low))
    return Ref(y.name, y.dtype, tuple(n + lo + hi for n, lo, hi in zip(x.shape, low, high, strict=True)))


def _pads(padding: Any) -> list[int]:
    return [lo for lo, _ in padding] + [hi for _, hi in padding]


@lowers
@wide
def conv(o: Writer, x: Ref, kernel: Ref, *, strides: Any, padding: Any, dilation: Any, groups: int) -> Ref:
    rank = len(x.shape)
    if min(_pads(padding)) < 0:
        x, padding = _padded(o, x, padding), ((0, 0),) * len(padding)
    weights = o.Transpose(kernel, perm=[rank - 1, rank - 2, *range(rank - 2)])
    y = o.Conv(
        _channels_first(o, x), weights, strides=list(strides), pads=_pads(padding), dilations=list(dilation), group=groups,
        kernel_shape=list(kernel.shape[:-2]),
    )  # fmt: skip
    return _channels_last(o, y, rank)


@lowers
@wide
def conv_grad_input(
    o: Writer, g: Ref, kernel: Ref, *, input_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Ref:
    rank, window = len(g.shape), kernel.shape[:-2]
    weights = o.Transpose(kernel, perm=[rank - 1, rank - 2, *range(rank - 2)])
    whole = o.ConvTranspose(
        _channels_first(o, g), weights, strides=list(strides), dilations=list(dilation), group=groups, kernel_shape=list(window)
    )
    y = _channels_last(o, whole, rank)
    # What came out is the padded input up to the last window; crop the padding, and append what no window saw.
    reached = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(g.shape[1:-1], strides, window, dilation, strict=True)]
    crop = [(-lo, n + lo - have) for (lo, _), n, have in zip(padding, input_shape[1:-1], reached, strict=True)]
    return _padded(o, Ref(y.name, y.dtype, (g.shape[0], *reached, input_shape[-1])), crop)


@lowers
@wide
def conv_grad_kernel(
    o: Writer, x: Ref, g: Ref, *, kernel_shape: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Ref:
    """A convolution with samples as channels: x's channels by group, correlated with g; strides and dilation change roles."""
    rank, window = len(x.shape), kernel_shape[:-2]
    if min(_pads(padding)) < 0:
        x, padding = _padded(o, x, padding), ((0, 0),) * len(padding)
    spatial, batch, depth = x.shape[1:-1], x.shape[0], kernel_shape[-2]
    split = o.reshape(x, (batch, *spatial, groups, depth))
    moved = o.Transpose(split, perm=[rank, rank - 1, 0, *range(1, rank - 1)])  # depth, groups, batch, *spatial
    images = o.reshape(moved, (depth, groups * batch, *spatial))
    kernels = o.Transpose(g, perm=[rank - 1, 0, *range(1, rank - 1)])  # filters, batch, *places
    y = o.Conv(
        images, kernels, strides=list(dilation), dilations=list(strides), pads=_pads(padding), group=groups,
        kernel_shape=list(g.shape[1:-1]),
    )  # fmt: skip
    y = o.Transpose(y, perm=[*range(2, rank), 0, 1])  # *window, depth, filters
    made = [
        (n + lo + hi - (k - 1) * s - 1) // d + 1
        for n, (lo, hi), k, s, d in zip(spatial, padding, g.shape[1:-1], strides, dilation, strict=True)
    ]
    for axis, (have, want) in enumerate(zip(made, window, strict=True)):
        if have != want:
            y = o.slice(y, axis, 0, want)
    return y


# Pooling: the parts of all windows at one offset are a strided slice


def _offsets(window: Any) -> Iterator[tuple[int, ...]]:
    return itertools.product(*[range(n) for n in window])


def _at(o: Writer, x: Ref, offset: Any, counts: Any, strides: Any) -> Ref:
    axes = [i + 1 for i in range(len(offset))]
    ends = [k + (n - 1) * s + 1 for k, n, s in zip(offset, counts, strides, strict=True)]
    return o.Slice(x, *[o.constant(np.array(row, "int64")) for row in (offset, ends, axes, strides)])


def _counts(shape: Any, window: Any, strides: Any, padding: Any) -> list[int]:
    return [window_output_size(n, k, s, *p) for n, k, s, p in zip(shape[1:-1], window, strides, padding, strict=True)]


def _lowest(dtype: str) -> Any:
    return -math.inf if dt.is_float(dtype) else False if dtype == "bool" else int(np.iinfo(dtype).min)


def _pool(op: str) -> Any:
    def lowered(o: Writer, x: Ref, *, window: Any, strides: Any, padding: Any) -> Ref:
        counts = _counts(x.shape, window, strides, padding)
        source = _padded(o, x, padding, _lowest(x.dtype) if op == "Max" else 0)
        parts = [_at(o, source, offset, counts, strides) for offset in _offsets(window)]
        total = parts[0]
        for part in parts[1:]:
            total = LOWERING["maximum" if op == "Max" else "add"](o, total, part)
        return total

    return lowered


LOWERING["max_pool"], LOWERING["sum_pool"] = _pool("Max"), wide(_pool("Sum"))


def _placed(o: Writer, parts: list[Ref], counts: Any, input_shape: Any, window: Any, strides: Any, padding: Any) -> Ref:
    """The sum of parts of windows (one per offset, of `counts` places), each put back where `_at` took it."""
    dtype = parts[0].dtype
    batch, channels = input_shape[0], input_shape[-1]
    grown = [n + lo + hi for n, (lo, hi) in zip(input_shape[1:-1], padding, strict=True)]
    if tuple(window) == tuple(strides):
        # Windows do not overlap: lay the parts side by side, axis by axis.
        rows = parts
        for axis in reversed(range(len(window))):
            groups = [rows[i : i + window[axis]] for i in range(0, len(rows), window[axis])]
            done = axis + 1
            shape = [batch, *counts[:done], 1, *[n * k for n, k in zip(counts[done:], window[done:], strict=True)], channels]
            joined = [o.Concat(*[o.reshape(r, shape) for r in group], axis=done + 1) for group in groups]
            shape = [batch, *counts[:axis], *[n * k for n, k in zip(counts[axis:], window[axis:], strict=True)], channels]
            rows = [o.reshape(j, shape) for j in joined]
        reached = [n * k for n, k in zip(counts, window, strict=True)]
        total = Ref(rows[0].name, dtype, (batch, *reached, channels))
        crop = [(-lo, n + lo - have) for (lo, _), n, have in zip(padding, input_shape[1:-1], reached, strict=True)]
        return _padded(o, total, crop)
    zero, sums = o.constant(0, dtype), []
    for offset, part in zip(_offsets(window), parts, strict=True):
        taken = [(n - 1) * s + 1 for n, s in zip(counts, strides, strict=True)]
        rest = [n - k - have for n, k, have in zip(grown, offset, taken, strict=True)]
        crop = [(k - lo, h - hi) for k, h, (lo, hi) in zip(offset, rest, padding, strict=True)]
        gaps = (0, *[s - 1 for s in strides], 0)
        own = Ref(part.name, dtype, (batch, *counts, channels))
        low, high = (0, *[lo for lo, _ in crop], 0), (0, *[hi for _, hi in crop], 0)
        sums.append(pad(o, own, zero, low=low, high=high, interior=gaps))
    return functools.reduce(o.Add, sums)


@lowers
def max_pool_grad(o: Writer, x: Ref, y: Ref, g: Ref, *, window: Any, strides: Any, padding: Any) -> Ref:
    counts = list(y.shape[1:-1])
    source = _padded(o, x, padding, _lowest(x.dtype))
    zero, parts, found = o.constant(0, g.dtype), [], None
    offsets = list(_offsets(window))
    for offset in offsets:
        hit = o.Equal(_at(o, source, offset, counts, strides), y)
        first = hit if found is None else o.And(hit, o.Not(found))
        parts.append(o.select(first, g, zero, math.prod(g.shape)))
        if offset != offsets[-1]:
            found = hit if found is None else o.Or(found, hit)
    return _placed(o, parts, counts, x.shape, window, strides, padding)


@lowers
def sum_pool_grad(o: Writer, g: Ref, *, input_shape: Any, window: Any, strides: Any, padding: Any) -> Ref:
    return _placed(o, [g] * math.prod(window), list(g.shape[1:-1]), input_shape, window, strides, padding)


