"""Random arguments of products, normalizations, convolution and pooling, with references by direct sums and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from op_table import products  # noqa: F401  (its cases hold the references)
from op_table.case import Array
from op_table.drawing import FLOATS, Draw, Numbers, fuzzed


def _pair(*pairs: Any) -> Any:
    def arguments(d: Draw) -> Any:
        one, other = d.of(*pairs)
        return (d.tensor(one, FLOATS), d.tensor(other, FLOATS)), {}

    return arguments


fuzzed("matmul")(
    _pair(
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((5, 2, 3), (3, 4)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 3)),
        ((2, 1, 2, 3), (5, 3, 2)),
        ((2, 3), (2, 3)),
    )
)
fuzzed("dot")(
    _pair(((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (4, 3, 5)), ((), (3,)), ((0, 3), (3, 2)), ((2, 0), (0,)), ((3,), (4,)))
)
fuzzed("inner")(_pair(((2, 3), (4, 3)), ((3,), (3,)), ((2, 4, 3), (3,)), ((), (3,)), ((0,), (0,))))
fuzzed("outer")(_pair(((2,), (3,)), ((2, 2), (3,)), ((), (3,)), ((0,), (3,))))


@fuzzed("tensordot")
def _tensordot(d: Draw) -> Any:
    one, other, axes = d.of(
        ((2, 3), (3, 4), 1),
        ((2,), (3,), 0),
        ((2, 3, 4), (4, 3, 5), [[1, 2], [1, 0]]),
        ((2, 3), (4, 3), (-1, -1)),
        ((2, 0), (0, 3), 1),
    )
    return (d.tensor(one, FLOATS), d.tensor(other, FLOATS)), {"axes": axes}


@fuzzed("einsum")
def _einsum(d: Draw) -> Any:
    subscripts, *shapes = d.of(
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
        ("...ij,jk->...ik", (2, 3, 4), (4, 5)),
        ("bij,bjk->", (2, 3, 4), (2, 4, 5)),
        ("ii->i", (3, 3)),
        ("ij->ji", (2, 0)),
        ("i,j->ij", (2,), (3,)),
        ("ij,j->i", (0, 3), (3,)),
    )
    return (subscripts, *[d.tensor(shape, FLOATS) for shape in shapes]), {}


def _over(least: int, wanted: Numbers = FLOATS) -> Any:
    def arguments(d: Draw) -> Any:
        x = d.tensor(d.shape(least, empty=False), wanted)
        return (x,), {"axis": d.axis(x.ndim)}

    return arguments


WIDE = Numbers("f", -60.0, 60.0)
fuzzed("softmax", scipy.special.softmax, "first", 64.0, True)(_over(1, WIDE))
fuzzed("log_softmax", scipy.special.log_softmax, "first", 64.0, True)(_over(1, WIDE))


def _log_of_sum(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


@fuzzed("logsumexp", _log_of_sum, "first", 64.0, True)
def _logsumexp(d: Draw) -> Any:
    x = d.tensor(d.shape(empty=False), WIDE)
    return (x,), {"axis": d.axes(x.ndim), "keepdims": d.yes()}


def _layer_normalization(x: Array, axis: int, epsilon: float) -> Array:
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)


def _rms_normalization(x: Array, axis: int, epsilon: float) -> Array:
    return x / np.sqrt((x * x).mean(axis, keepdims=True) + epsilon)


for _op, _reference in (("layer_normalization", _layer_normalization), ("rms_normalization", _rms_normalization)):

    @fuzzed(_op, _reference, "first", 64.0, True)
    def _normalization(d: Draw) -> Any:
        args, kwargs = _over(1)(d)
        return args, {**kwargs, "epsilon": 1e-2}


def _windows(x: Array, window: Any, strides: Any, dilation: Any) -> Array:
    """(N, *places, *window, C) of (N, *spatial, C)."""
    rank = len(window)
    reach = [(k - 1) * s + 1 for k, s in zip(window, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, reach, tuple(range(1, rank + 1)))  # (N, *places, C, *reach)
    steps = tuple(slice(None, None, s) for s in strides)
    views = views[(slice(None), *steps, slice(None), *[slice(None, None, s) for s in dilation])]
    return np.moveaxis(views, rank + 1, -1)


def _padded(x: Array, window: Any, strides: Any, dilation: Any, padding: str, value: float) -> Array:
    if padding == "valid":
        return x
    pairs = []
    for n, k, s, apart in zip(x.shape[1:-1], window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * apart + 1 - n, 0)
        pairs.append((total // 2, total - total // 2))
    return np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=value)


def _last(function: Any) -> Any:
    """A reference for channels in the last place made one for both data formats."""

    def reference(x: Array, *args: Any, data_format: str, **kwargs: Any) -> Array:
        if data_format == "channels_last":
            return function(x, *args, **kwargs)
        return np.moveaxis(function(np.moveaxis(x, 1, -1), *args, **kwargs), -1, 1)

    return reference


def _conv(x: Array, kernel: Array, strides: int, padding: str, dilation_rate: int) -> Array:
    window = kernel.shape[:-2]
    steps, apart = (strides,) * len(window), (dilation_rate,) * len(window)
    seen = _windows(_padded(x, window, steps, apart, padding, 0.0), window, steps, apart)
    groups = x.shape[-1] // kernel.shape[-2]
    parts = zip(np.split(seen, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([np.tensordot(a, b, len(window) + 1) for a, b in parts], -1)


def _pooled(reduce: Any) -> Any:
    def reference(x: Array, pool_size: int, strides: int, padding: str) -> Array:
        window, ones = (pool_size,) * (x.ndim - 2), (1,) * (x.ndim - 2)
        steps = (strides,) * len(window)
        seen = _windows(_padded(x, window, steps, ones, padding, np.nan), window, steps, ones)
        return reduce(seen, axis=tuple(range(x.ndim - 1, seen.ndim - 1)))

    return _last(reference)


def _images(d: Draw, shape: Any, dtype: str) -> tuple[Array, str]:
    data_format = d.of("channels_last", "channels_first")
    x = d.tensor(shape, FLOATS, dtype)
    return (x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))), data_format


@fuzzed("conv", _last(_conv), "first", 64.0, True)
def _convolution(d: Draw) -> Any:
    shape, kernel = d.of(
        ((2, 7, 2), (3, 2, 4)),
        ((1, 6, 4), (2, 2, 2)),
        ((2, 5, 6, 4), (3, 2, 2, 6)),
        ((0, 5, 2), (2, 2, 3)),
        ((1, 4, 5, 3, 2), (2, 2, 2, 2, 3)),
    )
    x, data_format = _images(d, shape, d.dtype("f"))
    strides, dilation = d.of((1, 1), (2, 1), (1, 2))
    weights = d.tensor(kernel, FLOATS, x.dtype.name)
    return (x, weights), {
        "strides": strides,
        "padding": d.of("valid", "same"),
        "dilation_rate": dilation,
        "data_format": data_format,
    }


for _op, _reduce in (("max_pool", np.nanmax), ("average_pool", np.nanmean)):

    @fuzzed(_op, _pooled(_reduce), "first", 32.0, True)
    def _pooling(d: Draw) -> Any:
        x, data_format = _images(d, d.of((2, 7, 3), (2, 5, 6, 2), (1, 4, 5, 4, 2)), d.dtype("f"))
        return (x, d.int(1, 3)), {"strides": d.int(1, 3), "padding": d.of("valid", "same"), "data_format": data_format}
